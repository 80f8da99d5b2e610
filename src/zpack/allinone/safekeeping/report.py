"""How the world differs from a record that was brought back: the drift report, without the platform."""

from __future__ import annotations

from zpack.control.repair.findings import find
from zpack.control.serving import open_redis
from zpack.control.settings import read_settings
from zpack.control.wiring import build_clients
from zpack.control.wiring.repair import build_look

KINDS = {"row_without_container", "container_without_row", "operation_stuck"}


async def drift_since(database_url: str) -> list[str]:
    """Return one line for every difference. Raises SettingsError when the world is not configured."""
    settings = read_settings()
    settings = settings.model_copy(update={"database_url": type(settings.database_url)(database_url)})
    clients = build_clients(settings, open_redis(settings, embedded=True))
    try:
        snapshot = await build_look(clients).take()
    finally:
        await clients.close()
    if "proxmox" not in snapshot.known:
        return ["the cluster does not answer in full; 'zpack admin drift list' says later what differs"]
    found = [finding for finding in find(snapshot) if finding.kind in KINDS]
    return [f"{finding.kind} {finding.vmid}: {finding.evidence}" for finding in found] or ["no drift"]
