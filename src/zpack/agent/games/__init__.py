"""Engines as data: how each is installed, started, stopped, known to be ready; what may be edited."""
