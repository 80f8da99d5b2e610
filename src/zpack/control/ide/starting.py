"""What the gate calls when a container that sleeps is opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Wake = Callable[[int], Awaitable[bool]]
"""Starts a container that sleeps; says whether it is on its way up."""
