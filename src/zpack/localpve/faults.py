"""Faults on purpose, for rehearsals: locks, answers that are lost, guests that move between nodes.

``{"locked": 0.1, "lost": 0.05, "nodes": 3, "move_every": 30, "seed": 1}``: the share of changing calls that
find the container locked by a backup; the share that are done but whose answer never arrives; how many nodes
the cluster pretends to have, and how many seconds lie between two migrations.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.localpve.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.localpve.node import Node

log = logging.getLogger("zpack.localpve")
NODES_LIMIT = 16
MIGRATION_SECONDS = 0.5
SHARES = ("locked", "lost")


@dataclass(frozen=True)
class Faults:
    """What goes wrong, and how often. Shares are between 0 and 1, times in seconds; 0 means never."""

    locked: float = 0.0
    lost: float = 0.0
    nodes: int = 1
    move_every: float = 0.0
    seed: int = 0

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Faults:
        """Read what a file says. Raises ValueError, which names the field."""
        unknown = sorted(set(body) - set(cls.__dataclass_fields__))
        if unknown:
            msg = f"proxmox faults know no {', '.join(unknown)}"
            raise ValueError(msg)
        for key, value in body.items():
            limit = 1 if key in SHARES else 1_000_000
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= limit:
                msg = f"proxmox.{key} must be a number between 0 and {limit}"
                raise ValueError(msg)
        nodes = int(body.get("nodes", 1))
        if not 1 <= nodes <= NODES_LIMIT:
            msg = f"proxmox.nodes must be between 1 and {NODES_LIMIT}"
            raise ValueError(msg)
        return cls(
            locked=float(body.get("locked", 0)),
            lost=float(body.get("lost", 0)),
            nodes=nodes,
            move_every=float(body.get("move_every", 0)),
            seed=int(body.get("seed", 0)),
        )


class Mischief:
    """Does what a :class:`Faults` says."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - mischief, not secrets

    def before(self, method: str, path: str) -> None:
        """Refuse a changing call now and then. Raises ApiError."""
        if _changes(method, path) and self._random.random() < self._faults.locked:
            raise ApiError(500, "CT is locked (backup)")

    def loses(self, method: str, path: str) -> bool:
        """Say whether the answer to a call that was done gets lost."""
        return _changes(method, path) and self._random.random() < self._faults.lost

    async def migrate(self, node: Node) -> None:
        """Move one guest after another, until cancelled."""
        if not self._faults.move_every or self._faults.nodes == 1:
            return
        while True:
            await asyncio.sleep(self._faults.move_every)
            candidates = [vmid for vmid in node.vmids() if vmid not in node.templates]
            if candidates:
                vmid = self._random.choice(candidates)
                target = self._random.choice(node.names)
                with contextlib.suppress(ApiError):  # locked or gone: then it stays
                    await node.migrate(vmid, target, MIGRATION_SECONDS)
                    log.info("CT %s is on %s now", vmid, target)


def node_names(name: str, nodes: int) -> tuple[str, ...]:
    """Return the names of the cluster's nodes; the first is the one that was asked for."""
    return (name, *(f"{name}{number}" for number in range(2, nodes + 1)))


def _changes(method: str, path: str) -> bool:
    return method != "GET" and "/lxc" in path
