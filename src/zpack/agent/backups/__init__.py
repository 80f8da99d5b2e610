"""Copies of a server's files: made while it runs, verified before anything is replaced, swapped in whole."""
