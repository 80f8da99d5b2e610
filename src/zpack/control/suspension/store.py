"""SQL of ``suspended_servers``, and of the whole intent: which servers must be down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import SuspendedServer
from zpack.control.suspension.models import Concerned

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

CONCERNED = text(
    """
    with barred as (
      select s.user_id from standings s join users u on u.id = s.user_id
       where (s.held_at is not null or s.server_billing_state in ('suspended_shutdown', 'retained'))
         and u.role <> 'admin'
    ),
    concerned as (
      select vmid from instances where customer_id in (select user_id from barred)
       union
      select vmid from suspended_servers
    )
    select i.vmid, i.customer_id, i.hostname, b.user_id is not null as suspended,
           coalesce(i.payload -> 'edge' ->> 'state' in ('pending', 'published', 'partial', 'failed'), false)
             as on_edge,
           coalesce((i.payload -> 'edge' ->> 'suspended')::boolean, false) as off_edge,
           k.vmid is not null as kept, coalesce(k.was_running, false) as was_running,
           exists (select from operations o where o.vmid = i.vmid and o.status in ('queued', 'running')
                      and o.kind in ('host-start', 'host-stop', 'host-restart')) as busy,
           o.kind, o.status, o.finished_at, coalesce(k.failures, 0)
      from concerned
      join instances i using (vmid)
      left join barred b on b.user_id = i.customer_id
      left join suspended_servers k on k.vmid = i.vmid
      left join operations o on o.id = k.operation_id
     order by i.vmid
    """
)


async def list_concerned(session: AsyncSession) -> list[Concerned]:
    """Return every server that must be down, or that we took down and have not brought back."""
    return [Concerned(*row) for row in await session.execute(CONCERNED)]


async def keep(session: AsyncSession, vmids: Collection[int]) -> None:
    """Remember servers as ours to bring back; what is remembered already stays."""
    rows = insert(SuspendedServer).values([{"vmid": vmid, "was_running": False} for vmid in vmids])
    await session.execute(rows.on_conflict_do_nothing())


async def note_operation(
    session: AsyncSession, vmid: int, operation_id: str, *, failures: int, was_running: bool | None = None
) -> None:
    """Remember the host operation that was begun for a server, and that it ran before."""
    values: dict[str, str | int] = {"operation_id": operation_id, "failures": failures}
    if was_running is not None:
        values["was_running"] = was_running
    await session.execute(update(SuspendedServer).where(SuspendedServer.vmid == vmid).values(**values))


async def forget(session: AsyncSession, vmid: int) -> None:
    """Forget a server that was brought back, or that did not run before."""
    await session.execute(delete(SuspendedServer).where(SuspendedServer.vmid == vmid))
