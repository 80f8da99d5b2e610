"""What the agent was told to run: checked, saved, and guarded by a token."""
