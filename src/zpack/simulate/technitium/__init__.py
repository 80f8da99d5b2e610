"""Technitium's HTTP API for zones and records, in the shapes it documents."""
