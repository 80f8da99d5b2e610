"""What no longer fits a plan: pure. A downgrade says it before, not after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.entitlements.models import LIMITS, Usage

if TYPE_CHECKING:
    from zpack.control.entitlements.models import LimitName, Limits


@dataclass(frozen=True)
class Misfit:
    """One limit that is smaller than what is used."""

    limit: LimitName
    allowed: int
    used: int

    def wire(self) -> dict[str, str | int]:
        """Return it as JSON."""
        return {"limit": self.limit, "allowed": self.allowed, "used": self.used}


def misfits(limits: Limits, usage: Usage) -> list[Misfit]:
    """Return every limit that a usage exceeds, in the limits' order."""
    found: list[Misfit] = []
    for name in LIMITS:
        allowed, used = limits.of_name(name), usage.of(name)
        if allowed is not None and used > allowed:
            found.append(Misfit(name, allowed, used))
    return found


def with_one_more(usage: Usage, *, ctype: str, memory_mb: int, cpus: int, disk_mb: int) -> Usage:
    """Return what would be used with one more server."""
    return Usage(
        game_servers=usage.game_servers + (ctype == "game"),
        dev_containers=usage.dev_containers + (ctype == "dev"),
        memory_mb=usage.memory_mb + memory_mb,
        cpus=usage.cpus + cpus,
        disk_mb=usage.disk_mb + disk_mb,
    )
