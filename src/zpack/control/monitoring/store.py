"""SQL of what is counted over all rooms, and of the containers to scrape: reads alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.control.monitoring.models import Running

if TYPE_CHECKING:
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
