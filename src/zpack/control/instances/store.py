"""SQL of instances, their archive, and VMIDs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson
from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import ContainerInstance, DeletedInstance, VmidCounter, VmidReservation
from zpack.control.engine.shards import SHARDS
from zpack.control.instances.models import RANGES, AgentAddress, EdgeIntent, ServerFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

Section = Literal["edge", "proxy"]

MERGE = text(
    """
    update instances
       set payload = jsonb_set(payload, array[:section],
                               coalesce(payload -> :section, '{}'::jsonb) || cast(:patch as jsonb), true),
           updated_at = now()
     where vmid = :vmid
    """
)


MARKS = text(
    """
    select i.vmid, hashtextextended(concat_ws('|', i.xmin, s.xmin, d.xmin), 0) as mark
      from instances i
      left join standings s on s.user_id = i.customer_id
      left join idle_servers d on d.vmid = i.vmid
     where cast(:owner as varchar) is null or i.customer_id = :owner
     order by i.created_at, i.vmid
    """
)
FACTS = text(
    """
    select i.vmid, hashtextextended(concat_ws('|', i.xmin, s.xmin, d.xmin), 0) as mark, i.customer_id,
           i.hostname, i.display_name, i.ctype, i.ip, i.created_at, s.plan,
           u.role is distinct from 'admin' as bound,
           s.server_billing_state,
           s.held_at is not null or s.server_billing_state in ('suspended_shutdown', 'retained') as suspended,
           jsonb_build_object(
             'game', payload -> 'game', 'variant', payload -> 'variant', 'runtime', payload -> 'runtime',
             'version', payload -> 'version', 'ports', i.allocated_ports,
             'edge', payload -> 'edge', 'proxy', payload -> 'proxy',
             'limits', jsonb_build_object(
               'memory', coalesce(o.input -> 'request' -> 'memory', payload -> 'memory_mb'),
               'disk', coalesce(payload -> 'disk_mb', nullif(o.input -> 'disk_mb', '0')),
               'cpu', o.input -> 'request' -> 'cores'
             )
           )::text as payload,
           case when d.reason is not null then jsonb_build_object(
             'state', case when d.woken_at is not null then 'waking'
                           when d.asleep_since is not null then 'asleep' else 'awake' end,
             'stopsAt', d.stops_at, 'lastActivityAt', d.active_at, 'lastActivity', d.activity,
             'reason', d.reason, 'keepAliveUntil', d.keep_until
           ) end as idle
      from instances i
      left join standings s on s.user_id = i.customer_id
      left join idle_servers d on d.vmid = i.vmid
      left join users u on u.id = i.customer_id
      left join operations o on o.id = i.payload ->> 'agent_seed'
     where i.vmid = any(:vmids)
    """
)
POLLED_MARK = text(
    """
    select md5(string_agg(concat_ws('|', vmid, customer_id, ip, payload ->> 'agent_seed', payload ->> 'game'),
                          ',' order by vmid))
      from instances
     where ip is not null and vmid % :shards = any(:held)
    """
)
POLLED = text(
    """
    select vmid, customer_id, ip, coalesce(payload ->> 'agent_seed', ''), payload ->> 'game'
      from instances
     where ip is not null and vmid % :shards = any(:held)
    """
)


OWNERS = text("select vmid, customer_id from instances where vmid = any(:vmids)")
EDGE_INTENTS = text(
    """
    select vmid, customer_id, hostname, ip, payload -> 'edge' ->> 'state',
           coalesce((payload -> 'edge' ->> 'suspended')::boolean, false),
           ctype, coalesce(payload ->> 'game', ''), allocated_ports::text,
           coalesce(payload -> 'edge' ->> 'begunAt' < :abandoned, false),
           payload -> 'edge' #>> cast(:link as text[]),
           coalesce((payload -> 'edge' ->> 'asleep')::boolean, false)
      from instances
     where ctype = 'game'
    """
)
ABANDONED_AFTER = timedelta(minutes=2)
"""A publication that began so long ago and has no end lost whoever was doing it."""
LOCK_SECTION = text(
    "select coalesce(payload -> :section, '{}'::jsonb)::text from instances where vmid = :vmid for update"
)


async def list_marks(session: AsyncSession, owner: str | None) -> list[tuple[int, int]]:
    """Return VMID and mark of an owner's servers (None: everyone's), oldest first.

    The mark is made of PostgreSQL's ``xmin``, of the row, its owner's standing and what is known of its
    idleness: another one after every change, however it was made.
    """
    return [(row[0], row[1]) for row in await session.execute(MARKS, {"owner": owner})]


async def read_facts(session: AsyncSession, vmids: Collection[int]) -> list[ServerFacts]:
    """Return what lists show of these servers."""
    rows = await session.execute(FACTS, {"vmids": list(vmids)})
    return [
        ServerFacts(
            vmid=row.vmid,
            mark=row.mark,
            customer_id=row.customer_id,
            hostname=row.hostname,
            ctype=row.ctype,
            ip=row.ip,
            created_at=row.created_at.isoformat(),
            payload=orjson.loads(row.payload),
            display_name=row.display_name,
            plan=row.plan,
            billing_state=(row.bound and row.server_billing_state) or "allowed",
            suspended=bool(row.bound and row.suspended),
            idle=row.idle,
        )
        for row in rows
    ]


async def mark_polled(session: AsyncSession, held: Collection[int]) -> str | None:
    """Return a digest of what list_polled() would return; None when that is nothing."""
    return await session.scalar(POLLED_MARK, {"shards": SHARDS, "held": list(held)})


async def list_polled(session: AsyncSession, held: Collection[int]) -> list[AgentAddress]:
    """Return the agents of the given shards that have an address."""
    rows = await session.execute(POLLED, {"shards": SHARDS, "held": list(held)})
    return [AgentAddress(*row) for row in rows]


async def list_edge_intents(session: AsyncSession, link: Sequence[str] = ("velocity",)) -> list[EdgeIntent]:
    """Return every game server's name, place and edge state, and what is recorded at the link's path."""
    before = (datetime.now(UTC) - ABANDONED_AFTER).isoformat()
    rows = await session.execute(EDGE_INTENTS, {"link": [*link, "state"], "abandoned": before})
    return [
        EdgeIntent(*first, ports=orjson.loads(ports), abandoned=abandoned, link=said, asleep=asleep)
        for *first, ports, abandoned, said, asleep in rows
    ]


async def list_owners(session: AsyncSession, vmids: Collection[int]) -> dict[int, str | None]:
    """Return who owns these servers; those without a row are left out."""
    rows = await session.execute(OWNERS, {"vmids": list(vmids)})
    return {row[0]: row[1] for row in rows}


async def find(session: AsyncSession, vmid: int, *, lock: bool = False) -> ContainerInstance | None:
    """Return one server, locked against others when asked."""
    return await session.get(ContainerInstance, vmid, with_for_update=lock, populate_existing=lock)


async def find_by_hostname(session: AsyncSession, hostname: str) -> ContainerInstance | None:
    """Return the server with this short host name."""
    return await session.scalar(select(ContainerInstance).where(ContainerInstance.hostname == hostname))


async def list_display_names(
    session: AsyncSession, vmids: Collection[int]
) -> dict[int, tuple[str, datetime]]:
    """Return what people call these servers and since when each exists; those without a name are left out."""
    columns = ContainerInstance.vmid, ContainerInstance.display_name, ContainerInstance.created_at
    wanted = ContainerInstance.vmid.in_(vmids), ContainerInstance.display_name.is_not(None)
    rows = await session.execute(select(*columns).where(*wanted))
    return {vmid: (name, since) for vmid, name, since in rows if name is not None}


async def list_all(
    session: AsyncSession, *, customer_id: str | None = None, newest_first: bool = False
) -> Sequence[ContainerInstance]:
    """Return servers, of one owner when given."""
    created = ContainerInstance.created_at
    order = (
        (created.desc(), ContainerInstance.vmid.desc()) if newest_first else (created, ContainerInstance.vmid)
    )
    query = select(ContainerInstance).order_by(*order)
    if customer_id is not None:
        query = query.where(ContainerInstance.customer_id == customer_id)
    return (await session.scalars(query)).all()


async def find_archived(session: AsyncSession, vmid: int) -> DeletedInstance | None:
    """Return the newest archive row of a VMID."""
    return await session.scalar(
        select(DeletedInstance)
        .where(DeletedInstance.vmid == vmid)
        .order_by(DeletedInstance.id.desc())
        .limit(1)
    )


async def list_archived_names(session: AsyncSession, vmids: Collection[int]) -> set[str]:
    """Return the names that deleted servers of these VMIDs had."""
    query = select(DeletedInstance.hostname).where(DeletedInstance.vmid.in_(vmids))
    return set(await session.scalars(query.distinct()))


async def find_reservation(session: AsyncSession, vmid: int) -> VmidReservation | None:
    """Return the reservation of a VMID."""
    return await session.get(VmidReservation, vmid)


async def allocate_vmid(
    session: AsyncSession, *, ctype: str, operation_id: str, taken: Collection[int] = ()
) -> int | None:
    """Reserve the next free VMID for an operation; None when the range is exhausted.

    The counter's row is the lock: two allocations of one kind go one after the other. Asking twice for one
    operation gives the same number.
    """
    await session.execute(
        insert(VmidCounter).values(key=ctype, current=RANGES[ctype].start - 1).on_conflict_do_nothing()
    )
    counter = (
        await session.scalars(select(VmidCounter).where(VmidCounter.key == ctype).with_for_update())
    ).one()
    had = await session.scalar(
        select(VmidReservation.vmid).where(VmidReservation.operation_id == operation_id)
    )
    if had is not None and had not in taken:
        return had
    if had is not None:
        await release_vmid(session, operation_id)
    used = set(await session.scalars(select(ContainerInstance.vmid)))
    used |= set(await session.scalars(select(VmidReservation.vmid)))
    used |= set(taken)
    numbers = RANGES[ctype]
    for step in range(1, len(numbers) + 1):
        vmid = numbers[(counter.current - numbers.start + step) % len(numbers)]
        if vmid not in used:
            counter.current = vmid
            session.add(VmidReservation(vmid=vmid, operation_id=operation_id))
            await session.flush()
            return vmid
    return None


async def reserve_vmid(session: AsyncSession, *, vmid: int, operation_id: str) -> bool:
    """Reserve this very VMID; False when a server or another operation has it."""
    await session.execute(
        insert(VmidReservation).values(vmid=vmid, operation_id=operation_id).on_conflict_do_nothing()
    )
    holder = await session.scalar(select(VmidReservation.operation_id).where(VmidReservation.vmid == vmid))
    lives = await session.scalar(select(exists().where(ContainerInstance.vmid == vmid)))
    return holder == operation_id and not lives


async def list_placed(session: AsyncSession) -> Sequence[VmidReservation]:
    """Return the reservations that have a node, letting one transaction at a time give out more."""
    await session.execute(text("select pg_advisory_xact_lock(5001, 0)"))
    return (await session.scalars(select(VmidReservation).where(VmidReservation.node.is_not(None)))).all()


async def place(session: AsyncSession, operation_id: str, **values: Any) -> None:
    """Note where the container of a reservation goes, and what it needs there."""
    await session.execute(
        update(VmidReservation).where(VmidReservation.operation_id == operation_id).values(**values)
    )


async def lock_vmid(session: AsyncSession, vmid: int) -> None:
    """Let one transaction at a time decide about a VMID, whether or not it has a row."""
    await session.execute(text("select pg_advisory_xact_lock(5000, :vmid)"), {"vmid": vmid})


async def release_vmid(session: AsyncSession, operation_id: str) -> None:
    """Give back what an operation reserved."""
    await session.execute(delete(VmidReservation).where(VmidReservation.operation_id == operation_id))


async def insert_instance(session: AsyncSession, **values: Any) -> bool:
    """Insert a server; False when the VMID or host name exists."""
    row = insert(ContainerInstance).values(**values).on_conflict_do_nothing()
    return (await session.scalar(row.returning(ContainerInstance.vmid))) is not None


async def update_instance(session: AsyncSession, vmid: int, **values: Any) -> None:
    """Change the given columns."""
    await session.execute(
        update(ContainerInstance)
        .where(ContainerInstance.vmid == vmid)
        .values(**values, updated_at=datetime.now(UTC))
    )


async def delete_instance(session: AsyncSession, vmid: int) -> None:
    """Delete the row; the archive keeps what is worth keeping."""
    await session.execute(delete(ContainerInstance).where(ContainerInstance.vmid == vmid))


async def archive(session: AsyncSession, row: ContainerInstance, *, reason: str, operation_id: str) -> int:
    """Write the archive row once per operation and return its id (contract §3.3, row S10)."""
    payload = row.payload
    values = {
        "vmid": row.vmid,
        "customer_id": row.customer_id,
        "hostname": row.hostname,
        "display_name": row.display_name,
        "game": payload.get("game"),
        "variant": row.engine_type or payload.get("variant"),
        "ports": row.allocated_ports,
        "ip": row.ip,
        "reason": reason,
        "operation_id": operation_id,
    }
    await session.execute(insert(DeletedInstance).values(**values).on_conflict_do_nothing())
    found = await session.scalar(
        select(DeletedInstance.id).where(DeletedInstance.operation_id == operation_id)
    )
    return found or 0


async def merge_payload(session: AsyncSession, vmid: int, section: Section, patch: str) -> None:
    """Merge a JSON object into one section of the payload, in one statement (rows S17, S18).

    Two writers at the same moment lose nothing: the row's lock puts them in order, and each merges into what
    the other wrote.
    """
    await session.execute(MERGE, {"vmid": vmid, "section": section, "patch": patch})


async def lock_section(session: AsyncSession, vmid: int, section: Section) -> dict[str, Any] | None:
    """Return a section of the payload; its row stays locked until the transaction ends. None: no such row."""
    found = await session.scalar(LOCK_SECTION, {"vmid": vmid, "section": section})
    return None if found is None else orjson.loads(found)


async def count_all(session: AsyncSession) -> int:
    """Return the number of servers."""
    return await session.scalar(select(func.count()).select_from(ContainerInstance)) or 0
