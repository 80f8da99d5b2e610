"""The request in whose course something happens, for those who pass its id on; workflows have none."""

from __future__ import annotations

from contextvars import ContextVar

current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
