"""Live updates for people's screens: server-sent events, filtered by ownership."""
