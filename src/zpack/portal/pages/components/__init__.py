"""The components pages."""
