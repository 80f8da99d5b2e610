"""Copies of a server that its agent keeps, made and restored through the API."""
