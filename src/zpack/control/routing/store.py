"""SQL of public ports."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, text

from zpack.control.db.tables import PublicPort
from zpack.control.outside.traefik_words import Road
from zpack.control.routing.models import Assigned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.routing.models import PortRange, Wanted

LOCK = text("select pg_advisory_xact_lock(5001, 0)")
FREE = text(
    """
    select free
      from unnest(cast(:firsts as int[]), cast(:lasts as int[])) as ranges (first, last),
           generate_series(first, last) as free
     where not exists (select from public_ports p where p.protocol = :protocol and p.number = free)
     order by free <> :preferred, free
     limit 1
    """
)
REACHED = """
      from public_ports p
      join instances i on i.vmid = p.vmid
     where i.ip is not null
       and coalesce(i.payload -> 'edge' ->> 'state', 'unpublished') <> 'unpublished'
       and coalesce((i.payload -> 'edge' ->> 'suspended')::boolean, false) is false
"""
"""Also servers that are about to be published: Traefik has to lead there before we may say so."""
ROADS = text(
    f"select i.hostname, p.protocol, p.number, i.ip, p.target {REACHED} order by p.protocol, p.number"
)
MARK = text(
    "select md5(string_agg(concat_ws(' ', i.hostname, p.protocol, p.number, i.ip, p.target), ','"
    f" order by p.protocol, p.number)) {REACHED}"
)


async def take(
    session: AsyncSession,
    *,
    vmid: int,
    operation_id: str,
    wanted: Sequence[Wanted],
    ranges: Sequence[PortRange],
) -> tuple[Assigned, ...] | None:
    """Take a public port for each port inside; None when none is left. Of a protocol without ranges, none.

    The lock puts all who take in order until their transactions end, so that nobody meets the key of another.
    Asking twice for one operation gives the same numbers.
    """
    await session.execute(LOCK)
    had = {(one.protocol, one.target): one for one in await held(session, operation_id)}
    for one in wanted:
        fitting = [own for own in ranges if own.protocol == one.protocol]
        if not fitting or (one.protocol, one.target) in had:
            continue
        number = await _free(session, one, fitting)
        if number is None:
            return None
        had[one.protocol, one.target] = Assigned(one.protocol, number, one.target)
        row = {"protocol": one.protocol, "number": number, "target": one.target}
        await session.execute(insert(PublicPort).values(**row, vmid=vmid, operation_id=operation_id))
    return tuple(had.values())


async def _free(session: AsyncSession, wanted: Wanted, ranges: Sequence[PortRange]) -> int | None:
    """Return the number it should have when that is free, else the lowest."""
    question = {"firsts": [one.first for one in ranges], "lasts": [one.last for one in ranges]}
    return await session.scalar(
        FREE, {**question, "protocol": wanted.protocol, "preferred": wanted.preferred}
    )


async def held(session: AsyncSession, operation_id: str) -> tuple[Assigned, ...]:
    """Return what an operation has taken."""
    query = (
        select(PublicPort.protocol, PublicPort.number, PublicPort.target)
        .where(PublicPort.operation_id == operation_id)
        .order_by(PublicPort.target)
    )
    return tuple(Assigned(*row) for row in await session.execute(query))


async def mark(session: AsyncSession) -> str | None:
    """Return a digest of what list_roads() would return; None when that is nothing."""
    return await session.scalar(MARK)


def mark_of(roads: Sequence[Road]) -> str | None:
    """Return the same digest of what list_roads() returned."""
    lines = (f"{one.hostname} {one.protocol} {one.number} {one.ip} {one.target}" for one in roads)
    return md5(",".join(lines).encode(), usedforsecurity=False).hexdigest() if roads else None


async def list_roads(session: AsyncSession) -> list[Road]:
    """Return every public port of a server that is to be reached, and where it leads."""
    return [Road(*row) for row in await session.execute(ROADS)]


async def release(session: AsyncSession, operation_id: str) -> None:
    """Give back what belongs to the server that an operation made."""
    await session.execute(delete(PublicPort).where(PublicPort.operation_id == operation_id))
