"""The mods pages."""
