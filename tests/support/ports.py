"""Ports for the programs under test."""

from __future__ import annotations

import secrets
import socket

CHOICE = sorted(set(range(10_240, 30_000)) - {18_888, 25_565})
"""Below those that the kernel gives to clients, which would take one between its choice and its use."""
given = set[int]()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, and that this process was not given before."""
    while True:
        port = secrets.choice(CHOICE)
        with socket.socket() as holder:
            try:
                holder.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in given:
            given.add(port)
            return port
