"""What the agent refuses, and why: one error type per meaning, none of which knows HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.wire.problem import Kind


WRONG_TYPE = "wrong_container_type"
"""The code of whatever exists for the other type of container only."""


class Refusal(Exception):
    """A request that is not carried out. ``code`` is stable, ``message`` is for people."""

    kind: Kind = "invalid"
    code = "invalid"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code


class Invalid(Refusal):
    """The request itself is wrong."""

    code = "invalid_request"


class Unauthorized(Refusal):
    """The bearer token is missing or wrong."""

    kind = "unauthorized"
    code = "unauthorized"


class Forbidden(Refusal):
    """Not here, not to this caller."""

    kind = "forbidden"
    code = "forbidden"


class Conflict(Refusal):
    """Right request, wrong moment."""

    kind = "conflict"
    code = "operation_in_progress"


class NotReady(Refusal):
    """The workload is not (yet) there to answer."""

    kind = "unavailable"
    code = "not_ready"


class Busy(Refusal):
    """Too many of the same at once."""

    kind = "limit"
    code = "too_many_requests"


class TooLarge(Refusal):
    """More bytes than are taken or given at once."""

    kind = "too_large"
    code = "too_large"


class WorkloadError(Exception):
    """Installing or starting the workload failed; the text becomes ``error`` in ``/status``."""
