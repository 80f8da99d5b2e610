"""What goes wrong on purpose: ``{"call": "POST firewall/d_nat/*", "do": "error", "times": 2}``."""

from __future__ import annotations

import fnmatch
from dataclasses import asdict, dataclass
from typing import Any

ACTS = ("slow", "unauthorized", "forbidden", "missing", "error", "error_after", "lost", "garbage", "invalid")
MOST = 1_000_000


@dataclass
class Fault:
    """What happens to calls that fit, and how many times more."""

    call: str
    do: str
    times: int = MOST
    seconds: float = 0.0

    @classmethod
    def parse(cls, body: Any) -> Fault:
        """Read one fault. Raises ValueError."""
        if not isinstance(body, dict) or not isinstance(body.get("call"), str) or body.get("do") not in ACTS:
            msg = f"a fault names a call and does one of {', '.join(ACTS)}"
            raise ValueError(msg)
        times, seconds = body.get("times", MOST), body.get("seconds", 0)
        if not all(isinstance(n, int | float) and 0 <= n <= MOST for n in (times, seconds)):
            msg = f"times and seconds are numbers from 0 to {MOST}"
            raise ValueError(msg)
        return cls(body["call"], body["do"], int(times), float(seconds))


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

    def take(self, call: str) -> Fault | None:
        """Return and count the first fault that fits a call."""
        for fault in self._faults:
            if fault.times > 0 and fnmatch.fnmatchcase(call, fault.call):
                fault.times -= 1
                return fault
        return None
