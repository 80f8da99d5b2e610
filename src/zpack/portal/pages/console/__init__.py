"""The console pages."""
