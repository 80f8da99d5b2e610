"""The announcements pages."""
