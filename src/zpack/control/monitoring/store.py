"""SQL of what is counted over all rooms, of the containers to scrape, and of ``player_hours``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.control.monitoring.models import Running

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

RUNNING = text(
    """
    select vmid, customer_id, hostname, ctype, ip, payload ->> 'game', payload ->> 'variant',
           payload ->> 'runtime'
      from instances
     where ip is not null and ip <> ''
     order by vmid
    """
)
OPERATIONS = text(
    """
    select kind, status, count(*), extract(epoch from max(now() - started_at))::float8,
           extract(epoch from max(now() - updated_at))::float8
      from operations
     where status in ('queued', 'running')
     group by kind, status
    """
)
SERVERS = text(
    """
    select ctype, coalesce(payload -> 'edge' ->> 'state', 'none'), count(*)
      from instances
     group by 1, 2
    """
)
QUEUES = text(
    """
    select 'mail_outbox', count(*), coalesce(extract(epoch from max(now() - created_at)), 0)::float8
      from mail_outbox where outcome is null
    union all
    select 'billing_inbox', count(*), coalesce(extract(epoch from max(now() - received_at)), 0)::float8
      from billing_events where outcome is null
    """
)
WORKERS = text(
    """
    select (select count(*) from polling_workers where expires_at > now()),
           (select count(*) from work_shards where expires_at > now())
    """
)
NOTE_PLAYERS = text(
    """
    insert into player_hours (vmid, hour, counts)
    select i.vmid, :hour, array_fill(null::smallint, array[cast(:minute as int)]) || said.online
      from unnest(cast(:vmids as int[]), cast(:counts as smallint[])) said (vmid, online)
      join instances i using (vmid)
       for key share of i
    on conflict (vmid, hour) do update set counts[cast(:slot as int)] = excluded.counts[cast(:slot as int)]
    """
)
FORGET_PLAYERS = text("delete from player_hours where hour < :before")
PLAYERS = text(
    """
    select hour, counts from player_hours
     where vmid = :vmid and hour between :begin and :end
     order by hour
    """
)
EDGE_STATES = frozenset({"none", "pending", "published", "partial", "unpublished", "failed"})


@dataclass(frozen=True)
class Counts:
    """What the database says of the whole platform."""

    operations: tuple[tuple[str, str, int, float, float], ...]
    """Kind, status, how many, seconds since the oldest began, seconds since the stalest moved."""
    servers: tuple[tuple[str, str, int], ...]
    """Type, state at the edge, how many."""
    queues: tuple[tuple[str, int, float], ...]
    """Queue, how many wait, seconds the oldest waits."""
    workers: int
    shards: int


async def list_running(session: AsyncSession) -> list[Running]:
    """Return every container that has an address."""
    return [Running(*row) for row in await session.execute(RUNNING)]


async def count(session: AsyncSession) -> Counts:
    """Return what there is; four statements, each over what is under way alone or one row per server."""
    operations = [tuple(row) for row in await session.execute(OPERATIONS)]
    servers: dict[tuple[str, str], int] = {}
    for ctype, state, number in await session.execute(SERVERS):
        key = ctype, state if state in EDGE_STATES else "other"
        servers[key] = servers.get(key, 0) + number
    queues = [tuple(row) for row in await session.execute(QUEUES)]
    workers, shards = (await session.execute(WORKERS)).one()
    return Counts(
        operations=tuple(operations),
        servers=tuple((*key, number) for key, number in servers.items()),
        queues=tuple(queues),
        workers=workers,
        shards=shards,
    )


async def note_players(session: AsyncSession, counts: Mapping[int, int], at: datetime) -> None:
    """Write how many play on each server in this minute; the last word of a minute stays."""
    facts = {
        "vmids": list(counts),
        "counts": list(counts.values()),
        "minute": at.minute,
        "slot": at.minute + 1,
    }
    await session.execute(NOTE_PLAYERS, {**facts, "hour": _hour(at)})


async def forget_players(session: AsyncSession, before: datetime) -> None:
    """Delete the hours that no chart reaches back to."""
    await session.execute(FORGET_PLAYERS, {"before": _hour(before)})


async def list_players(
    session: AsyncSession, vmid: int, begin: datetime, end: datetime
) -> list[tuple[float, int]]:
    """Return how many played on a server, as moments and numbers, the oldest first."""
    rows = await session.execute(PLAYERS, {"vmid": vmid, "begin": _hour(begin), "end": end})
    return [
        ((hour + timedelta(minutes=minute)).timestamp(), number)
        for hour, counts in rows
        for minute, number in enumerate(counts)
        if number is not None
    ]


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
