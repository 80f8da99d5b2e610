"""Places of servers that are, and of servers that were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.instances.models import is_ours
from zpack.control.publishing.models import Place, endpoints_of

if TYPE_CHECKING:
    from zpack.control.db.tables import ContainerInstance, DeletedInstance
    from zpack.control.instances.models import EdgeIntent

VMID_DIGITS = 4


class Places:
    """Makes places below one domain."""

    def __init__(self, *, domain: str) -> None:
        self.domain = domain

    def fqdn(self, hostname: str) -> str:
        """Return what a player types; a name with a dot is whole already."""
        return hostname if "." in hostname else f"{hostname}.{self.domain}"

    def of_row(self, row: ContainerInstance) -> Place:
        """Return the place of a server."""
        game = str(row.payload.get("game") or "")
        return Place(
            vmid=row.vmid,
            hostname=row.hostname,
            fqdn=self.fqdn(row.hostname),
            ip=row.ip or "",
            ctype="dev" if row.ctype == "dev" else "game",
            game=game,
            endpoints=endpoints_of(game, row.allocated_ports),
        )

    def of_intent(self, row: EdgeIntent) -> Place:
        """Return the place of a server as the reconcilers read it."""
        return Place(
            vmid=row.vmid,
            hostname=row.hostname,
            fqdn=self.fqdn(row.hostname),
            ip=row.ip or "",
            ctype="dev" if row.ctype == "dev" else "game",
            game=row.game,
            endpoints=endpoints_of(row.game, row.ports),
        )

    def of_gone(self, hostname: str, archived: DeletedInstance | None) -> Place:
        """Return the place of a server without a row: what the archive knows, or the name alone."""
        known = archived is not None and archived.hostname == hostname
        game = str(archived.game or "") if archived is not None and known else ""
        ports = archived.ports if archived is not None and known else None
        return Place(
            vmid=vmid_in(hostname) or 0,
            hostname=hostname,
            fqdn=self.fqdn(hostname),
            ip=(archived.ip or "") if archived is not None and known else "",
            ctype="game",
            game=game,
            endpoints=endpoints_of(game, ports) if known else (),
        )


def vmid_in(hostname: str) -> int | None:
    """Return the VMID of our ranges that a name ends in: only such names are ours to remove."""
    tail = hostname.rpartition("-")[2]
    if not (tail.isascii() and tail.isdigit() and len(tail) == VMID_DIGITS):
        return None
    return int(tail) if is_ours(int(tail)) else None
