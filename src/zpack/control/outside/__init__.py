"""Foreign systems, one module each. Their errors leave here as ours, split by what a caller can do."""
