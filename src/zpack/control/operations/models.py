"""Where clients follow an operation (design.md §7), and which they may ask a list of: pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from zpack.control.accounts.models import Body

PAGE, PAGE_MAX = 50, 200
Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Word = Annotated[str, StringConstraints(max_length=100)]


class OwnOperationsQuery(Body):
    """``GET /api/operations``: ``before`` is the ``next`` of the page that was shown last."""

    active: bool | None = None
    vmid: Annotated[int, Field(ge=0, le=(1 << 31) - 1)] | None = None
    before: Word | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


class OperationsQuery(OwnOperationsQuery):
    """``GET /api/admin/operations``."""

    status: Status | None = None
    kind: Word | None = None


def status_url(operation_id: str) -> str:
    """Return where a client follows an operation."""
    return f"/api/operations/{operation_id}"
