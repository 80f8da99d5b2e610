"""The health pages."""
