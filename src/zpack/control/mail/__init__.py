"""Mail to people: queued with what it tells about, delivered by a worker."""
