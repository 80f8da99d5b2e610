"""The dev pages."""
