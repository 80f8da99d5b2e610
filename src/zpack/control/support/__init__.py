"""Questions to whoever runs the platform, and their answers."""
