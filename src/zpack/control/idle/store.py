"""SQL of ``idle_servers``, and of what is known of every server whose use is watched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import IdleServer
from zpack.control.idle.models import Watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

WATCHED = """
    select i.vmid, i.customer_id, i.hostname, i.ctype, i.payload ->> 'game', i.ip,
           coalesce(i.payload ->> 'agent_seed', ''),
           coalesce((select max(o.finished_at) from operations o
                      where o.vmid = i.vmid and o.status = 'succeeded'
                        and o.kind in ('host-start', 'host-restart', 'instance-create')), i.created_at),
           (select o.kind from operations o where o.vmid = i.vmid and o.status in ('queued', 'running')
             order by o.started_at limit 1),
           u.role is distinct from 'admin'
             and (s.held_at is not null
                  or coalesce(s.server_billing_state in ('suspended_shutdown', 'retained'), false)),
           coalesce(i.payload -> 'edge' ->> 'state' = 'published', false),
           coalesce((i.payload -> 'edge' ->> 'asleep')::boolean, false),
           p.idle, a.created_at, a.action, d.enabled, d.minutes, coalesce(d.wake, true), d.keep_until,
           d.active_at, d.activity, d.stops_at, d.reason, d.asleep_since, d.woken_at, d.wake_seconds,
           mine.status, mine.finished_at
      from instances i
      left join idle_servers d using (vmid)
      left join users u on u.id = i.customer_id
      left join standings s on s.user_id = i.customer_id
      left join plans p on u.role is distinct from 'admin'
           and p.id = coalesce(case when :billing then s.plan end, :default_plan)
      left join operations mine on mine.id = d.operation_id
      left join lateral (
        select l.created_at, l.action from audit_log l
         where l.payload ->> 'vmid' = i.vmid::text and l.payload ->> 'vmid' is not null
           and l.actor not in ('idle', 'billing')
         order by l.id desc limit 1
      ) a on true
"""
LIST = text(
    WATCHED
    + """
     where d.enabled or d.stops_at is not null or d.reason is not null or d.asleep_since is not null
           or (p.idle is not null and d.enabled is distinct from false)
           or (p.idle -> 'required')::boolean
     order by i.vmid
    """
)
ONE = text(WATCHED + " where i.vmid = :vmid")
NAMED = text("select vmid from instances where hostname = :hostname")
SLEEP = text(
    """
    update idle_servers
       set asleep_since = now(), woken_at = null, stops_at = null, reason = :reason,
           operation_id = :operation_id, active_at = :active_at, activity = :activity, updated_at = now()
     where vmid = :vmid and asleep_since is null and (keep_until is null or keep_until <= now())
           and enabled is not distinct from :enabled
    returning vmid
    """
)
WAKE = text(
    """
    update idle_servers
       set woken_at = now(), operation_id = :operation_id, updated_at = now()
     where vmid = :vmid and asleep_since is not null and woken_at is null
    returning vmid
    """
)
KEEP = text(
    """
    insert into idle_servers (vmid, keep_until) values (:vmid, :until)
    on conflict (vmid) do update
       set keep_until = excluded.keep_until, stops_at = greatest(idle_servers.stops_at, excluded.keep_until),
           updated_at = now()
    """
)


async def list_watched(session: AsyncSession, *, billing: bool, default_plan: str) -> list[Watched]:
    """Return every server that may stop by itself, sleeps, or shows that it did either."""
    rows = await session.execute(LIST, {"billing": billing, "default_plan": default_plan})
    return [Watched(*row) for row in rows]


async def find(session: AsyncSession, vmid: int, *, billing: bool, default_plan: str) -> Watched | None:
    """Return what is known of one server, watched or not."""
    facts = {"vmid": vmid, "billing": billing, "default_plan": default_plan}
    row = (await session.execute(ONE, facts)).one_or_none()
    return Watched(*row) if row is not None else None


async def find_named(session: AsyncSession, hostname: str) -> int | None:
    """Return the VMID of the server with this short host name."""
    return await session.scalar(NAMED, {"hostname": hostname})


async def put(session: AsyncSession, vmid: int, **values: Any) -> None:
    """Write columns of a server's row, which is made when there is none."""
    values = {**values, "updated_at": datetime.now(UTC)}
    row = insert(IdleServer).values(vmid=vmid, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["vmid"], set_=values))


async def change(session: AsyncSession, vmids: Sequence[int], **values: Any) -> None:
    """Write columns of rows that exist."""
    rows = update(IdleServer).where(IdleServer.vmid.in_(vmids))
    await session.execute(rows.values(**values, updated_at=datetime.now(UTC)))


async def keep(session: AsyncSession, vmid: int, until: datetime) -> None:
    """Remember until when a server is kept running."""
    await session.execute(KEEP, {"vmid": vmid, "until": until})


async def note_sleep(session: AsyncSession, vmid: int, **facts: Any) -> bool:
    """Remember that a server is put to sleep; False when it is kept, or what was said of it has changed."""
    return await session.scalar(SLEEP, {"vmid": vmid, **facts}) is not None


async def note_wake(session: AsyncSession, vmid: int, operation_id: str) -> bool:
    """Remember that a server is woken; False when it does not sleep, or is woken already."""
    return await session.scalar(WAKE, {"vmid": vmid, "operation_id": operation_id}) is not None
