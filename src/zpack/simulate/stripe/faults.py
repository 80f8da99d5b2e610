"""Faults on purpose: failing, slow or lost calls, deliveries that go wrong, cards refused.

A fault is a JSON object: ``{"call": "POST /v1/subscriptions*", "do": "error", "times": 2}``,
``{"delivery": "customer.*", "do": "duplicate", "times": 5}`` or
``{"customer": "cus_…", "decline": "lost_card"}``.
"""

from __future__ import annotations

import fnmatch
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CALL_ACTS = ("error", "error_after", "lost", "rate_limit", "latency")
DELIVERY_ACTS = ("duplicate", "drop", "shuffle", "hold")
MOST = 1_000_000


@dataclass
class Fault:
    """What goes wrong, on which calls or events, and how many times more."""

    on: str
    target: str
    do: str
    times: int = 1
    seconds: float = 0.0

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Fault:
        """Read one fault. Raises ValueError, which says what is wrong."""
        target = next((name for name in ("call", "delivery", "customer") if name in body), None)
        if target is None or not isinstance(body[target], str):
            msg = "a fault names a call, a delivery or a customer"
            raise ValueError(msg)
        unknown = sorted(set(body) - {target, "do", "decline", "times", "seconds"})
        do = body.get("decline", "generic_decline") if target == "customer" else body.get("do")
        known = {"call": CALL_ACTS, "delivery": DELIVERY_ACTS}.get(target)
        if unknown or not isinstance(do, str) or (known and do not in known):
            choices = ", ".join(known or ("decline",))
            msg = f"a fault of a {target} is one of {choices}; unknown: {unknown or do}"
            raise ValueError(msg)
        times, seconds = body.get("times", MOST if target == "customer" else 1), body.get("seconds", 0)
        if not _number(times) or not _number(seconds) or times != int(times):
            msg = f"times and seconds must be numbers between 0 and {MOST}"
            raise ValueError(msg)
        return cls(on=body[target], target=target, do=do, times=int(times), seconds=float(seconds))

    def matches(self, target: str, what: str) -> bool:
        """Say whether it is still to happen to this call, event or customer."""
        return self.target == target and self.times > 0 and fnmatch.fnmatchcase(what, self.on)


class Faults:
    """The faults that are still to happen."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it happen from now on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._faults.clear()

    def rows(self) -> list[dict[str, Any]]:
        """Return what is still to happen."""
        return [asdict(fault) for fault in self._faults if fault.times > 0]

    def of_call(self, method: str, path: str) -> Fault | None:
        """Return and count the fault that happens to a call."""
        return self._take("call", f"{method} {path}")

    def of_delivery(self, event_type: str, *acts: str) -> Fault | None:
        """Return and count the fault of one of these kinds that happens to a delivery."""
        return self._take("delivery", event_type, acts)

    def decline_of(self, customer: str | None) -> str | None:
        """Return the reason for which a customer's card is refused now, or None."""
        fault = self._take("customer", customer or "")
        return fault.do if fault else None

    def _take(self, target: str, what: str, acts: tuple[str, ...] = ()) -> Fault | None:
        for fault in self._faults:
            if fault.matches(target, what) and (not acts or fault.do in acts):
                fault.times -= 1
                return fault
        return None


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= MOST
