"""The error body every zpack program answers with, and the kinds of refusal behind it.

Shape (design.md §4): ``{"error": code, "message": text for people, "details"?: any, "requestId"?: str}``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Kind = Literal[
    "invalid", "unauthorized", "payment", "forbidden", "not_found", "conflict", "precondition", "too_large",
    "limit", "unavailable", "upstream", "timeout", "slow", "full", "internal",
]  # fmt: skip

STATUS: dict[Kind, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "payment": 402,
    "forbidden": 403,
    "not_found": 404,
    "slow": 408,
    "conflict": 409,
    "precondition": 412,
    "too_large": 413,
    "limit": 429,
    "internal": 500,
    "upstream": 502,
    "unavailable": 503,
    "timeout": 504,
    "full": 507,
}

CLOSE: dict[Kind, int] = {
    **{kind: 4000 + status for kind, status in STATUS.items()},
    "too_large": 1009,
    "internal": 1011,
    "upstream": 1011,
    "timeout": 1011,
}
"""WebSocket close codes: RFC 6455's where it has one, else 4000 and the HTTP status."""


class Problem(TypedDict):
    """Body of an error answer."""

    error: str
    message: str
    details: NotRequired[Any]
    requestId: NotRequired[str]
