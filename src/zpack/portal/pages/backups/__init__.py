"""The backups pages."""
