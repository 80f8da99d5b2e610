"""What can go wrong between a client and the API."""

from __future__ import annotations

from typing import Any


class ApiProblem(Exception):
    """The API said no. ``code`` is stable; the text is for people."""

    def __init__(self, *, status: int, code: str, message: str, request_id: str | None, details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.details = details


class ApiAway(Exception):
    """The API cannot be reached, or broke off."""
