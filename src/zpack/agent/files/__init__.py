"""A customer's files: what may be seen and changed, and how that is done without halves."""
