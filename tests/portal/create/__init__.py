"""The create pages."""
