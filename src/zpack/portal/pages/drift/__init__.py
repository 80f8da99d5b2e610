"""The drift pages."""
