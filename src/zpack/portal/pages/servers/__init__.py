"""The servers pages."""
