"""Whether a cluster is ready for us: the token's privileges, and everything that settings name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from zpack.control.engine.budget import Budget
    from zpack.control.outside.proxmox import Proxmox

NEEDED = (
    "Datastore.AllocateSpace",
    "Datastore.Audit",
    "VM.Allocate",
    "VM.Audit",
    "VM.Clone",
    "VM.Config.CPU",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
)
"""What the calls that we make ask for; a token of root's without privilege separation has them all."""


@dataclass(frozen=True)
class Wanted:
    """What settings name on the cluster."""

    node: str
    template: int
    storage: str | None
    pool: str | None
    bridges: frozenset[str]


async def survey(proxmox: Proxmox, wanted: Wanted, budget: Budget) -> dict[str, str | None]:
    """Return a complaint, or None, for each thing that was looked for. Raises ForeignError."""
    nodes = await proxmox.nodes(budget)
    guest = (await proxmox.guests(budget)).get(wanted.template)
    if not wanted.node and guest is not None:  # containers are placed: the template's node stands for all
        wanted = replace(wanted, node=guest.node)
    found: dict[str, str | None] = {"proxmox node": _node(nodes, wanted.node)}
    if guest is None:
        found["proxmox template"] = f"there is no container {wanted.template}; set AGENT_TEMPLATE_VMID"
    else:
        made = None if guest.template else f"container {wanted.template} is no template; run 'pct template'"
        found["proxmox template"] = made
    if found["proxmox node"] is None:
        found |= await _named(proxmox, wanted, budget)
    missing = _missing(await _asked(proxmox, "/access/permissions", budget))
    if missing is not None:
        lacks = f"the token lacks {', '.join(missing)}; add them to its role" if missing else None
        found["proxmox privileges"] = lacks
    return found


def _node(nodes: dict[str, bool], name: str) -> str | None:
    if name not in nodes:
        return f"there is no node {name}; set PROXMOX_NODE to one of {', '.join(sorted(nodes))}"
    return None if nodes[name] else f"node {name} is offline"


async def _named(proxmox: Proxmox, wanted: Wanted, budget: Budget) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    if wanted.storage:
        names = _names(await _asked(proxmox, f"/nodes/{wanted.node}/storage", budget), "storage")
        found["proxmox storage"] = _listed(names, wanted.storage, "PROXMOX_STORAGE")
    if wanted.pool:
        names = _names(await _asked(proxmox, "/pools", budget), "poolid")
        found["proxmox pool"] = _listed(names, wanted.pool, "PROXMOX_POOL")
    bridges = _names(await _asked(proxmox, f"/nodes/{wanted.node}/network", budget), "iface")
    for bridge in sorted(wanted.bridges):
        found[f"proxmox bridge {bridge}"] = _listed(bridges, bridge, "ZPACK_GAME_BRIDGE, ZPACK_DEV_BRIDGE")
    return found


async def _asked(proxmox: Proxmox, path: str, budget: Budget) -> Any:
    """Return what a path answers; None where this server does not tell."""
    try:
        return await proxmox.read(path, budget)
    except ForeignError as failure:
        if failure.transient:
            raise
        return None


def _names(rows: Any, key: str) -> frozenset[str] | None:
    if not isinstance(rows, list):
        return None
    return frozenset(str(row[key]) for row in rows if isinstance(row, dict) and key in row)


def _listed(names: frozenset[str] | None, wanted: str, setting: str) -> str | None:
    """Return what is wrong when a list that is known lacks the name."""
    if names is None or wanted in names:
        return None
    return f"there is no {wanted} (of {', '.join(sorted(names)) or 'none'}); make it, or set {setting}"


def _missing(permissions: Any) -> list[str] | None:
    """Return needed privileges that no path grants; None when the server does not tell."""
    if not isinstance(permissions, dict) or not permissions:
        return None
    granted = {
        name for path in permissions.values() if isinstance(path, dict) for name, on in path.items() if on
    }
    return [name for name in NEEDED if name not in granted]
