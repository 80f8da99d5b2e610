"""Turns a payload into a server's folder: fetched, verified, unpacked, and only then shown."""
