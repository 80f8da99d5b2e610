"""Typing into a running server and reading what it says."""
