"""The suspended pages."""
