"""The server pages."""
