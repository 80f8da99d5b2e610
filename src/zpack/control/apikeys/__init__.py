"""Personal API keys: programs that act for their owner, within scopes and for a time."""
