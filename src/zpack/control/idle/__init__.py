"""Stopping servers that nobody uses, with the reason, and waking them when somebody comes."""
