"""Turns our errors into answers: the one place that knows which kind is which HTTP status."""

from __future__ import annotations

from typing import Any

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.wire.problem import STATUS


def problem_of(failure: Exception, request_id: str) -> tuple[int, dict[str, Any]]:
    """Return status and body for an error. What we did not expect becomes one phrase."""
    if isinstance(failure, Refusal):
        status = _passed_on(failure.facts.get("status")) or STATUS[failure.kind]
        return status, _body(failure.code, failure.message, request_id, failure)
    if isinstance(failure, ForeignError):
        kind = "timeout" if failure.timed_out else "upstream"
        code = "upstream_timeout" if failure.timed_out else "upstream_failed"
        return STATUS[kind], _body(code, failure.message, request_id)
    return 500, _body("internal_error", "Something went wrong on our side.", request_id)


def _passed_on(status: Any) -> int | None:
    """Return an agent's status when a client may see it: not a 401, which would log the client out."""
    good = isinstance(status, int) and 400 <= status < 600 and status != 401  # noqa: PLR2004 - HTTP
    return status if good else None


def _body(code: str, message: str, request_id: str, refusal: Refusal | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"error": code, "message": message, "requestId": request_id}
    if refusal is not None:
        body |= refusal.envelope
        if refusal.details is not None:
            body["details"] = refusal.details
    return body
