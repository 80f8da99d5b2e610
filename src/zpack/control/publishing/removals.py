"""What a reconciler tells of the names without a server it takes off; each is a repair like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

ACTOR = "system:publishing"
Step = Literal["repair_began", "repaired", "repair_failed"]


@dataclass(frozen=True)
class Removal:
    """A name, forward or route that leads to no server, and how we know."""

    link: str
    hostname: str
    vmid: int
    held: str | None
    """What the system held of it, in the link's own words; None: it did not list it."""
    archived: bool
    """Whether there was a server of this name."""
    actor: str = ACTOR

    @property
    def evidence(self) -> dict[str, Any]:
        """Return what is removed, and why."""
        why = "its server is deleted" if self.archived else "there is no server of this name, and never was"
        return {"link": self.link, "name": self.hostname, "held": self.held, "why": why}


class Ledger(Protocol):
    """Where removals are written down."""

    async def note(self, removal: Removal, step: Step, **details: Any) -> None:
        """Write down one step of a removal."""
        ...
