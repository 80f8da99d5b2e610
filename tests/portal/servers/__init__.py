"""The server list."""
