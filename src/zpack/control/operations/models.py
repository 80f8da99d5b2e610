"""Where clients follow an operation (design.md §7): pure."""

from __future__ import annotations


def status_url(operation_id: str) -> str:
    """Return where a client follows an operation."""
    return f"/api/operations/{operation_id}"
