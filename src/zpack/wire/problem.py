"""The error body every zpack program answers with, and the kinds of refusal behind it.

Shape (design.md §4): ``{"error": code, "message": text for people, "details"?: any, "requestId"?: str}``.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Kind = Literal[
    "invalid", "unauthorized", "forbidden", "not_found", "conflict", "too_large", "limit", "unavailable",
    "upstream", "timeout", "slow", "full", "internal",
]  # fmt: skip

STATUS: dict[Kind, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "slow": 408,
    "conflict": 409,
    "too_large": 413,
    "limit": 429,
    "internal": 500,
    "upstream": 502,
    "unavailable": 503,
    "timeout": 504,
    "full": 507,
}


class Problem(TypedDict):
    """Body of an error answer."""

    error: str
    message: str
    details: NotRequired[Any]
    requestId: NotRequired[str]
