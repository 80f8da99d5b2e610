"""What goes wrong on purpose at a simulated system: planned as JSON, counted down as it happens.

A fault is an object that names its target, what is done, how often and for how long:
``{"call": "POST /v1/subscriptions*", "do": "error", "times": 2, "seconds": 1}``. The pattern is the shell's.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MOST = 1_000_000


@dataclass(frozen=True)
class Aim:
    """What may be done to one kind of target."""

    acts: Collection[str] = ()
    """The words there are; none: any word."""
    word: str = "do"
    """The key that says what is done."""
    usual: str | None = None
    """What is done when nothing is said."""
    times: int = 1
    """How often, when that is not said."""


@dataclass
class Fault:
    """What goes wrong, at which targets, and how many times more."""

    target: str
    on: str
    do: str
    times: int = 1
    seconds: float = 0.0

    def fits(self, target: str, what: str) -> bool:
        """Say whether it is still to happen to this."""
        return self.target == target and self.times > 0 and fnmatch.fnmatchcase(what, self.on)


class Faults:
    """The faults of one system that are still to happen."""

    def __init__(self, aims: Mapping[str, Aim]) -> None:
        self._aims = aims
        self._planned: list[Fault] = []

    def plan(self, body: Any) -> None:
        """Let one fault, or each of a list, happen from now on. Raises ValueError, and then plans none."""
        self._planned += [self._parsed(one) for one in (body if isinstance(body, list) else [body])]

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._planned.clear()

    def rows(self) -> list[dict[str, Any]]:
        """Return what is still to happen, as it could be planned again."""
        left = (one for one in self._planned if one.times > 0)
        return [
            {
                one.target: one.on,
                self._aims[one.target].word: one.do,
                "times": one.times,
                "seconds": one.seconds,
            }
            for one in left
        ]

    def take(self, what: str, *, target: str = "call", acts: Collection[str] = ()) -> Fault | None:
        """Return and count the first fault, of these acts if any are given, that happens to this."""
        for fault in self._planned:
            if fault.fits(target, what) and (not acts or fault.do in acts):
                fault.times -= 1
                return fault
        return None

    def _parsed(self, body: Any) -> Fault:
        given: dict[str, Any] = body if isinstance(body, dict) else {}
        target = next((name for name in self._aims if isinstance(given.get(name), str)), None)
        if target is None:
            msg = f"a fault is an object that names a {' or a '.join(self._aims)}"
            raise ValueError(msg)
        aim = self._aims[target]
        do = given.get(aim.word, aim.usual)
        unknown = sorted(set(given) - {target, aim.word, "times", "seconds"})
        if unknown or not isinstance(do, str) or (aim.acts and do not in aim.acts):
            choices = ", ".join(sorted(aim.acts)) or "any word"
            msg = f"a fault does one of {choices}; unknown: {unknown or do}"
            raise ValueError(msg)
        times, seconds = given.get("times", aim.times), given.get("seconds", 0)
        if not _number(times) or not _number(seconds) or times != int(times):
            msg = f"times and seconds must be numbers between 0 and {MOST}"
            raise ValueError(msg)
        return Fault(target, given[target], do, int(times), float(seconds))


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= MOST
