"""The theme pages."""
