"""Our errors: a stable code, a kind, words for the caller, facts for the log. Nothing of HTTP.

Refusal                 the caller can do something about it
ForeignError            a foreign system failed; ``transient`` says whether to try again
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from zpack.wire.problem import Kind


class Refusal(Exception):
    """A request is turned down.

    Rooms subclass it with class-level ``kind`` and ``code``; ``details`` reaches the caller, ``facts`` only
    the log.
    """

    kind: ClassVar[Kind] = "invalid"
    code: str = "invalid_request"
    envelope: dict[str, Any] = {}  # noqa: RUF012 - read only; an instance may have its own
    """Fields the contract wants beside ``error``, such as ``{"ok": False}``."""

    def __init__(self, message: str, *, details: Any = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.facts = facts


class ForeignError(Exception):
    """A foreign system did not do what was asked.

    Args:
        message: short, already cut, without secrets.
        transient: True when the same call may succeed later; workflow steps retry only then.
        status: the foreign HTTP status, when there was one.
        timed_out: True when it is unknown whether the call had its effect: look before you retry.
    """

    def __init__(
        self, message: str, *, transient: bool, status: int | None = None, timed_out: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.transient = transient
        self.status = status
        self.timed_out = timed_out
