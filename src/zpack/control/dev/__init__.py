"""What exists for dev containers only: the power of their IDE."""
