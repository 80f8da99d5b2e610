"""The users pages."""
