"""Public ports of a new server: taken with its VMID, in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import Refusal
from zpack.control.provisioning.models import ctype_of, ports_inside
from zpack.control.routing import store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.db.session import AsyncSession
    from zpack.control.provisioning.settings import ProvisioningSettings
    from zpack.control.routing.models import Assigned


class PortsExhausted(Refusal):
    """Every public port for this kind of game is in use."""

    kind = "unavailable"
    code = "public_ports_exhausted"


async def take_ports(
    session: AsyncSession,
    settings: ProvisioningSettings,
    *,
    vmid: int,
    operation_id: str,
    wanted: Mapping[str, Any],
) -> tuple[Assigned, ...]:
    """Take what a request needs, the same again for the same operation. Raises PortsExhausted."""
    if ctype_of(wanted) != "game":
        return ()
    inside = ports_inside(wanted["game"], wanted.get("ports_needed", 0))
    if not inside:
        return ()
    taken = await store.take(
        session, vmid=vmid, operation_id=operation_id, wanted=inside, ranges=settings.public_ports
    )
    if taken is None:
        raise PortsExhausted("Every public port for this kind of game is in use.")
    return taken
