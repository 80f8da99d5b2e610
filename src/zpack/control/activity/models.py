"""An entry of a server's time line, and where a page of it begins: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from zpack.control.accounts.models import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["audit", "operation", "repair"]
PAGE, PAGE_MAX = 50, 200
PLACE = re.compile(r"(\d{1,17})\.((?:audit|operation|repair):[A-Za-z0-9_-]{1,64})")
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SHOWN = frozenset({
    "action", "attempt", "before", "displayName", "enabled", "filename", "finding", "hostname", "id",
    "label", "length", "minutes", "mod", "operation", "overwrite", "path", "phase", "port", "public",
    "reason", "since", "until", "version_id",
})  # fmt: skip
"""Fields of an audit row that are shown; whatever is not named here is not."""
TEXT_MAX = 300


class ActivityQuery(Body):
    """``GET …/activity``: ``before`` is the ``next`` of the page that was shown last."""

    before: Annotated[str, StringConstraints(max_length=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened. ``key`` is unique among all of them, and orders those of one moment."""

    key: str
    kind: Kind
    at: datetime
    action: str
    actor: str | None
    status: str | None
    text: str | None
    detail: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Return where the page behind this entry begins."""
        return f"{(self.at - BEGIN) // MICROSECOND}.{self.key}"


def place_of(text: str) -> tuple[datetime, str] | None:
    """Return moment and key of a place; None when it is none."""
    found = PLACE.fullmatch(text) if text.isascii() else None
    return (BEGIN + int(found[1]) * MICROSECOND, found[2]) if found else None


def shown(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a detail may be seen: the fields that are named, as far as they are simple values."""
    return {
        name: value[:TEXT_MAX] if isinstance(value, str) else value
        for name, value in detail.items()
        if name in SHOWN and isinstance(value, str | int | float | bool)
    }
