"""What a person waits for: create, delete, and later host power and restore."""
