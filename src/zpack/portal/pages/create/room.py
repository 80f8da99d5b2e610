"""How much room the plan leaves for one server more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.portal.api import Api
    from zpack.portal.pages.create.choices import Kind

COUNTED: dict[Kind, str] = {"game": "gameServers", "dev": "devContainers"}
MEMORY_LEAST, MEMORY_STEP, MEMORY_USUAL, MEMORY_MOST = 512, 256, 2048, 262144
CORES_USUAL, CORES_MOST = 2, 64
NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Room:
    """The API's ``/api/billing``; empty when it could not be read, which forbids nothing."""

    billing: dict[str, Any]

    @property
    def plan(self) -> dict[str, Any] | None:
        """Return the plan."""
        return self.billing.get("plan")

    @property
    def suspended(self) -> bool:
        """Whether the account's servers are kept down."""
        return self.billing.get("serverBillingState") in {"suspended_shutdown", "retained"}

    @property
    def overdue(self) -> bool:
        """Whether nothing new is made until a payment has arrived."""
        return self.billing.get("serverBillingState") == "backup_blocked"

    @property
    def closed(self) -> bool:
        """Whether the account may make nothing, however much room there is."""
        return self.suspended or self.overdue

    def limit(self, name: str) -> int | None:
        """Return what the plan allows; None is without limit."""
        return self.billing.get("limits", {}).get(name)

    def used(self, name: str) -> int:
        """Return what is in use."""
        return self.billing.get("usage", {}).get(name, 0)

    def left(self, name: str) -> int | None:
        """Return what is left; None is without limit."""
        limit = self.limit(name)
        return None if limit is None else max(0, limit - self.used(name))

    def full(self, kind: Kind) -> bool:
        """Whether there is no room for another of a kind."""
        return self.left(COUNTED[kind]) == 0 or (self.memory_most < MEMORY_LEAST) or self.cores_most < 1

    @property
    def memory_most(self) -> int:
        """Return the most memory (MiB) that a new server may have."""
        left = self.left("memoryMb")
        return MEMORY_MOST if left is None else min(left, MEMORY_MOST)

    @property
    def cores_most(self) -> int:
        """Return the most processors that a new server may have."""
        left = self.left("cpus")
        return CORES_MOST if left is None else min(left, CORES_MOST)

    @property
    def usual(self) -> dict[str, str]:
        """Return what the form begins with: room is left for the other servers that the plan allows."""
        others = self.left("gameServers") or 1
        memory = self.memory_most // others // MEMORY_STEP * MEMORY_STEP
        memory = MEMORY_USUAL if self.limit("memoryMb") is None else max(MEMORY_LEAST, memory)
        cores = CORES_USUAL if self.limit("cpus") is None else max(1, self.cores_most // others)
        return {
            "memoryMiB": str(min(MEMORY_USUAL, memory)),
            "cpuCores": str(min(CORES_USUAL, cores)),
            "world": "world",
        }


def asked_of(form: Mapping[str, str]) -> dict[str, int]:
    """Return what a form asks for, by the limits' names; what is no number asks for nothing."""
    fields = {"memoryMb": "memoryMiB", "cpus": "cpuCores"}
    found = {name: form.get(field, "").strip() for name, field in fields.items()}
    return {name: int(text) if NUMBER.fullmatch(text) else 0 for name, text in found.items()}


async def read_room(api: Api) -> Room:
    """Return the room that the visitor's plan leaves."""
    try:
        return Room(await api.get("/api/billing"))
    except Problem:
        return Room({})
