"""The landing pages."""
