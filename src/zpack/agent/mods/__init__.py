"""Mods of a running server: listed from its folder, fetched under suspicion, switched off, put away."""
