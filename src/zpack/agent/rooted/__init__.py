"""A customer's folder, opened once: whatever path is named, the kernel keeps it beneath."""
