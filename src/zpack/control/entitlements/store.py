"""SQL of ``plans`` and ``standings``, and of what an account's servers take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import Plan
from zpack.control.db.tables import Standing as StandingRow
from zpack.control.entitlements.models import EXEMPT, SUSPENDED, Change, Entitlement, Limits, Standing, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.entitlements.models import BillingStatus, ServerState

LOCK = text("select pg_advisory_xact_lock(hashtextextended('entitlements:' || :user_id, 0))")
ENTITLED = text(
    """
    select asked.id, u.role, p.id as plan, p.limits, s.billing_status, s.server_billing_state,
           s.suspended_at, s.reason, s.held_at, s.held_reason
      from unnest(cast(:user_ids as varchar[])) asked(id)
      left join users u on u.id = asked.id
      left join standings s on s.user_id = asked.id
      left join plans p on p.id = coalesce(case when :billing then s.plan end, :default_plan)
    """
)
USAGE = text(
    """
    with servers as (
      select i.ctype, o.input -> 'request' as asked, (i.payload ->> 'disk_mb')::bigint as disk_mb,
             (i.payload ->> 'memory_mb')::bigint as memory_mb
        from instances i
        left join operations o on o.id = i.payload ->> 'agent_seed'
       where i.customer_id = :user_id and i.payload ->> 'agent_seed' is distinct from :except_for
      union all
      select coalesce(o.input -> 'request' ->> 'container_type', 'game'), o.input -> 'request',
             (o.input ->> 'disk_mb')::bigint, null
        from vmid_reservations r
        join operations o on o.id = r.operation_id
       where o.customer_id = :user_id and o.id <> :except_for
         and not exists (select from instances i where i.vmid = r.vmid)
    )
    select count(*) filter (where ctype = 'game'), count(*) filter (where ctype = 'dev'),
           coalesce(sum(coalesce((asked ->> 'memory')::bigint, memory_mb)), 0),
           coalesce(sum((asked ->> 'cores')::bigint), 0), coalesce(sum(disk_mb), 0)
      from servers
    """
)


async def lock(session: AsyncSession, user_id: str) -> None:
    """Let one transaction at a time decide what an account gets."""
    await session.execute(LOCK, {"user_id": user_id})


async def read_usage(session: AsyncSession, user_id: str, *, except_for: str = "") -> Usage:
    """Return what an account's servers take, and those that unfinished operations but one are creating."""
    row = (await session.execute(USAGE, {"user_id": user_id, "except_for": except_for})).one()
    return Usage(*(int(figure) for figure in row))


async def read_entitlements(
    session: AsyncSession, user_ids: Collection[str], *, billing: bool, default_plan: str
) -> dict[str, Entitlement]:
    """Return what each of these accounts is entitled to; without ``billing`` all have the default plan."""
    facts = {"user_ids": list(user_ids), "billing": billing, "default_plan": default_plan}
    return {row.id: _entitlement(row) for row in await session.execute(ENTITLED, facts)}


def _entitlement(row: Any) -> Entitlement:
    if row.role == "admin":
        return EXEMPT
    held = row.held_at is not None
    return Entitlement(
        plan=row.plan,
        limits=Limits.of(row.limits or {}),
        billing_status=row.billing_status or "none",
        server_state=_state(row.server_billing_state or "allowed", held=held),
        since=row.held_at if held else row.suspended_at,
        reason=row.held_reason if held else row.reason,
        held=held,
    )


def _state(said: ServerState, *, held: bool) -> ServerState:
    return "suspended_shutdown" if held and said not in SUSPENDED else said


async def find_standing(session: AsyncSession, user_id: str) -> Standing:
    """Return how an account stands; one without a row stands as everybody begins."""
    row = await session.get(StandingRow, user_id, populate_existing=True)
    return _standing(row) if row is not None else Standing(user_id)


async def grant(
    session: AsyncSession,
    user_id: str,
    *,
    plan: str | None = None,
    billing_status: BillingStatus | None = None,
    server_state: ServerState | None = None,
    reason: str | None = None,
) -> Change:
    """Write what billing decided of an account; what is not given stays. Only billing calls this.

    The same grant twice is one. ``suspended_at`` is set by the first state that suspends and taken back by
    the first that does not.
    """
    before = await _locked_standing(session, user_id)
    after = replace(
        before,
        plan=plan or before.plan,
        billing_status=billing_status or before.billing_status,
        server_state=server_state or before.server_state,
        reason=reason if reason is not None else before.reason,
    )
    if after.server_state not in SUSPENDED:
        after = replace(after, suspended_at=None)
    elif after.suspended_at is None:
        after = replace(after, suspended_at=datetime.now(UTC))
    return await _write(session, before, after)


async def hold(session: AsyncSession, user_id: str, reason: str) -> Change:
    """Suspend an account by an administrator's word; the first reason and moment stay."""
    before = await _locked_standing(session, user_id)
    if before.held_at is not None:
        return Change(before, before)
    return await _write(session, before, replace(before, held_at=datetime.now(UTC), held_reason=reason))


async def release(session: AsyncSession, user_id: str) -> Change:
    """Lift an administrator's suspension; billing's stays."""
    before = await _locked_standing(session, user_id)
    return await _write(session, before, replace(before, held_at=None, held_reason=None))


async def list_plans(session: AsyncSession, *, all_of_them: bool = False) -> Sequence[Plan]:
    """Return the plans that are offered, or all, in their order."""
    query = select(Plan).order_by(Plan.position, Plan.id)
    return (await session.scalars(query if all_of_them else query.where(Plan.active))).all()


async def find_plan(session: AsyncSession, plan_id: str) -> Plan | None:
    """Return one plan."""
    return await session.get(Plan, plan_id)


async def find_plan_by_price(session: AsyncSession, stripe_price_id: str) -> Plan | None:
    """Return the plan that a Stripe price stands for."""
    return await session.scalar(select(Plan).where(Plan.stripe_price_id == stripe_price_id))


async def insert_plan(session: AsyncSession, **values: Any) -> bool:
    """Insert a plan; False when its id or its Stripe price is taken."""
    row = insert(Plan).values(**values).on_conflict_do_nothing().returning(Plan.id)
    return (await session.scalar(row)) is not None


async def update_plan(session: AsyncSession, plan_id: str, values: Mapping[str, Any]) -> None:
    """Change the given columns of a plan."""
    await session.execute(
        update(Plan).where(Plan.id == plan_id).values(**values, updated_at=datetime.now(UTC))
    )


async def _locked_standing(session: AsyncSession, user_id: str) -> Standing:
    await lock(session, user_id)
    return await find_standing(session, user_id)


async def _write(session: AsyncSession, before: Standing, after: Standing) -> Change:
    if before != after:
        values = {
            "plan": after.plan,
            "billing_status": after.billing_status,
            "server_billing_state": after.server_state,
            "suspended_at": after.suspended_at,
            "reason": after.reason,
            "held_at": after.held_at,
            "held_reason": after.held_reason,
            "updated_at": datetime.now(UTC),
        }
        row = insert(StandingRow).values(user_id=after.user_id, **values)
        await session.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=values))
    return Change(before, after)


def _standing(row: StandingRow) -> Standing:
    return Standing(
        user_id=row.user_id,
        plan=row.plan,
        billing_status=row.billing_status,  # pyright: ignore[reportArgumentType] - only _write writes it
        server_state=row.server_billing_state,  # pyright: ignore[reportArgumentType] - likewise
        suspended_at=row.suspended_at,
        reason=row.reason,
        held_at=row.held_at,
        held_reason=row.held_reason,
    )
