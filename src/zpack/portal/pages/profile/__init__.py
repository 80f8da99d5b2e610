"""The profile pages."""
