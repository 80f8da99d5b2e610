"""How a resource declares its calls: method, path, form, and the act that answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.simulate.stripe.forms import EXPAND, PAGE, RANGE, Fields, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zpack.simulate.stripe.forms import Kind
    from zpack.simulate.stripe.store import Body
    from zpack.simulate.stripe.world import World

    Act = Callable[[World, "Call"], Body]


@dataclass(frozen=True)
class Call:
    """One request after its checks: path words and parameters."""

    path: dict[str, str]
    given: dict[str, Any]

    def __getitem__(self, name: str) -> str:
        return self.path[name]


@dataclass(frozen=True)
class Route:
    """A call of the API."""

    method: str
    path: str
    form: Fields
    act: Act

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return what matches its path; ``{word}`` matches one segment."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


def route(
    method: str,
    path: str,
    act: Act,
    form: Mapping[str, Kind] | None = None,
    *,
    required: tuple[str, ...] = (),
) -> Route:
    """Return a route; the forms of the first API know ``expand``, those of most deletions do not."""
    expand: dict[str, Kind] = {} if method == "DELETE" or path.startswith("/v2/") else {"expand": EXPAND}
    return Route(method, path, Fields({**expand, **(form or {})}, required), act)


def listed(path: str, act: Act, form: Mapping[str, Kind] | None = None, *, created: bool = True) -> Route:
    """Return the route of a list, whose form also knows pages and, mostly, ``created``."""
    dates: dict[str, Kind] = {"created": CreatedRange(RANGE.members)} if created else {}
    return route("GET", path, act, {**PAGE, **dates, **(form or {})})


class CreatedRange(Fields):
    """A moment, or a range of moments."""

    def read(self, raw: Any, path: str = "") -> dict[str, Any] | None:
        """Return the range. Raises ApiError."""
        if isinstance(raw, str):
            return {"gte": Whole().read(raw, path), "lte": Whole().read(raw, path)}
        return super().read(raw, path)
