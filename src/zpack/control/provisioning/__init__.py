"""Journeys of a whole server: create it, delete it."""
