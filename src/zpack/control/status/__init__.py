"""What a customer sees of a server: gathered from the stores, merged purely."""
