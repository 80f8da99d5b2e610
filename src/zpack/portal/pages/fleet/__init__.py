"""The fleet pages."""
