"""Joins what the cluster lists with what we have rows of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.fleet import store
from zpack.control.fleet.listing import container_view, node_view
from zpack.control.outside.proxmox_facts import Resources

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.fleet.models import Row
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.outside.proxmox import Proxmox

SECONDS = 5.0
SHOWN = 5000
"""Containers in one answer, at most; ours come first where there are more."""


class Fleet:
    """Every node and container, ours and strangers'."""

    def __init__(self, *, database: Database, proxmox: Proxmox, words: AgentWords) -> None:
        self._database = database
        self._proxmox = proxmox
        self._words = words

    async def all(self) -> dict[str, Any]:
        """Return what there is; a cluster that is away is said in ``errors``."""
        rows = await self._rows()
        errors: list[dict[str, str]] = []
        found = Resources()
        try:
            found = await self._proxmox.resources(Budget.seconds(SECONDS))
        except ForeignError as failure:
            errors.append({"system": "proxmox", "message": failure.message})
        missing = "unknown" if errors else "missing"
        vmids = sorted(found.guests.keys() | rows.keys(), key=lambda vmid: (vmid not in rows, vmid))
        if len(vmids) > SHOWN:
            errors.append({"system": "fleet", "message": f"{len(vmids) - SHOWN} more are not shown"})
        return {
            "nodes": [node_view(found.nodes[name]) for name in sorted(found.nodes)],
            "containers": [
                container_view(vmid, found.guests.get(vmid), rows.get(vmid), missing=missing)
                for vmid in sorted(vmids[:SHOWN])
            ],
            "errors": errors,
        }

    async def _rows(self) -> dict[int, Row]:
        """Return our servers, with what their agents said last."""
        async with self._database.reading() as session:
            rows = await store.list_rows(session)
        words = await self._words.get_many(list(rows))
        return {vmid: _told(row, words.get(vmid)) for vmid, row in rows.items()}


def _told(row: Row, word: dict[str, Any] | None) -> Row:
    """Return a server as its agent's last word has it; an agent that is silent leaves what is on record."""
    if not word:
        return row
    complaint = word.get("error")
    return replace(
        row,
        agent_state=word.get("state") or row.agent_state,
        heard=bool(word.get("hostOnline", True)),
        complaint=complaint if isinstance(complaint, str) else None,
    )
