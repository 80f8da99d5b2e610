"""The operations pages."""
