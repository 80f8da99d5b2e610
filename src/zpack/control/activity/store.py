"""SQL of a server's time line: reads ``audit_log``, ``operations`` and ``repair_events`` in one order.

A VMID is used again. What happened under it before this server's create began is another's, and not shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.control.activity.models import Entry

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

BIRTH = text(
    """
    select o.id, coalesce(o.started_at, i.created_at)
      from instances i
      left join lateral (
        select id, started_at, customer_id from operations
         where vmid = i.vmid and kind = 'instance-create' order by started_at desc, id desc limit 1
      ) o on o.customer_id is not distinct from i.customer_id
     where i.vmid = :vmid
    """
)
PAGE = text(
    """
    with entries as (
      (select 'audit:' || lpad(id::text, 12, '0') as key, 'audit' as kind, created_at as at, action, actor,
              null as status, null as said, payload as detail
         from audit_log
        where payload ->> 'vmid' = :named and action not like 'repair.%'
          and (created_at >= :since or payload ->> 'operation' = :birth)
          and (created_at, 'audit:' || lpad(id::text, 12, '0') collate "C") < (:at, :key)
        order by created_at desc, id desc limit :most)
      union all
      (select 'operation:' || id, 'operation', started_at, kind, null, status, error ->> 'message',
              jsonb_build_object('operation', id, 'phase', phase, 'attempt', attempt)
         from operations
        where vmid = :vmid and (started_at >= :since or id = :birth)
          and (started_at, 'operation:' || id collate "C") < (:at, :key)
        order by started_at desc, id desc limit :most)
      union all
      (select 'repair:' || lpad(id::text, 12, '0'), 'repair', created_at, event, actor, null,
              details ->> 'error', jsonb_build_object('finding', kind)
         from repair_events
        where vmid = :vmid and created_at >= :since
          and (created_at, 'repair:' || lpad(id::text, 12, '0') collate "C") < (:at, :key)
        order by created_at desc, id desc limit :most)
    )
    select key, kind, at, action, actor, status, said, detail from entries
     order by at desc, key collate "C" desc limit :most
    """
)
BEGINNERS = text(
    """
    select distinct on (payload ->> 'operation') payload ->> 'operation', actor
      from audit_log
     where payload ->> 'vmid' = :named and payload ->> 'operation' = any(:operations)
     order by payload ->> 'operation', id
    """
)


async def find_birth(session: AsyncSession, vmid: int) -> tuple[str | None, datetime] | None:
    """Return the operation that made a server, if there was one, and when its own time began."""
    row = (await session.execute(BIRTH, {"vmid": vmid})).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def page(
    session: AsyncSession,
    vmid: int,
    *,
    birth: tuple[str | None, datetime],
    before: tuple[datetime, str],
    limit: int,
) -> list[Entry]:
    """Return the newest entries, all older than the place ``before``."""
    given = {
        "vmid": vmid,
        "named": str(vmid),
        "birth": birth[0],
        "since": birth[1],
        "at": before[0],
        "key": before[1],
    }
    return [Entry(*row) for row in await session.execute(PAGE, given | {"most": limit})]


async def find_beginners(session: AsyncSession, vmid: int, operations: Collection[str]) -> dict[str, str]:
    """Return who began each of these operations, where the audit says it."""
    if not operations:
        return {}
    rows = await session.execute(BEGINNERS, {"named": str(vmid), "operations": list(operations)})
    return {row[0]: row[1] for row in rows if row[1]}
