"""The files pages."""
