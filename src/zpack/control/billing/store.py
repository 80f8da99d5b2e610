"""SQL of the tables of billing. ``version`` orders what was fetched from Stripe: see mirror.py."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.billing.ladder import RUNGS, Ladder
from zpack.control.db.tables import BillingAccount, BillingEvent, BillingRequest, BillingSubscription

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from zpack.control.outside.stripe_facts import Notice

LOCK = text("select pg_advisory_xact_lock(hashtextextended('billing:' || :customer, 0))")
RUNG_COLUMNS = (
    "warning_sent_at", "final_warning_sent_at", "backup_blocked_at", "suspended_at", "retained_at",
    "pending_deletion_at",
)  # fmt: skip
KEY_LIFE = timedelta(hours=24)


async def lock(session: AsyncSession, customer: str) -> None:
    """Let one transaction at a time write what Stripe says of a customer."""
    await session.execute(LOCK, {"customer": customer})


async def find_account(session: AsyncSession, user_id: str) -> BillingAccount | None:
    """Return one user's account."""
    return await session.get(BillingAccount, user_id, populate_existing=True)


async def find_by_customer(session: AsyncSession, customer: str) -> BillingAccount | None:
    """Return the account of a customer of Stripe's."""
    found = select(BillingAccount).where(BillingAccount.customer_id == customer)
    return await session.scalar(found.execution_options(populate_existing=True))


async def ensure_account(session: AsyncSession, user_id: str) -> BillingAccount:
    """Return one user's account, locked, and make it if need be."""
    locked = select(BillingAccount).where(BillingAccount.user_id == user_id).with_for_update()
    locked = locked.execution_options(populate_existing=True)
    found = await session.scalar(locked)
    if found is not None:
        return found
    await session.execute(insert(BillingAccount).values(user_id=user_id).on_conflict_do_nothing())
    return (await session.scalars(locked)).one()


async def bind(session: AsyncSession, account: BillingAccount, customer: str) -> bool:
    """Say whose customer this is; False when either has another already."""
    if account.customer_id is None and await find_by_customer(session, customer) is None:
        account.customer_id = customer
        await session.flush()
    return account.customer_id == customer


async def list_subscriptions(session: AsyncSession, user_id: str) -> Sequence[BillingSubscription]:
    """Return one user's subscriptions, the newest first."""
    found = select(BillingSubscription).where(BillingSubscription.user_id == user_id)
    return (await session.scalars(found.order_by(BillingSubscription.created_at.desc()))).all()


async def write_subscriptions(session: AsyncSession, user_id: str, rows: Collection[dict[str, Any]]) -> None:
    """Make the mirror of one user's subscriptions equal to these."""
    gone = delete(BillingSubscription).where(BillingSubscription.user_id == user_id)
    await session.execute(gone.where(BillingSubscription.id.not_in([row["id"] for row in rows])))
    for row in rows:
        added = insert(BillingSubscription).values(user_id=user_id, **row)
        changed = {**row, "user_id": user_id}
        await session.execute(added.on_conflict_do_update(index_elements=["id"], set_=changed))


async def mirrored(session: AsyncSession) -> dict[str, BillingSubscription]:
    """Return every subscription we know of, by id."""
    return {row.id: row for row in await session.scalars(select(BillingSubscription))}


async def customers_of(session: AsyncSession, subscriptions: Collection[str]) -> set[str]:
    """Return whose subscriptions these are."""
    found = (
        select(BillingAccount.customer_id)
        .join(BillingSubscription, BillingSubscription.user_id == BillingAccount.user_id)
        .where(BillingSubscription.id.in_(subscriptions))
    )
    return {customer for customer in await session.scalars(found) if customer}


def ladder_of(account: BillingAccount) -> Ladder:
    """Return how far an account has climbed."""
    moments = [getattr(account, column) for column in RUNG_COLUMNS]
    reached = moments[: moments.index(None)] if None in moments else moments
    return Ladder(account.past_due_since, tuple(reached))


def write_ladder(account: BillingAccount, ladder: Ladder) -> None:
    """Write how far an account has climbed."""
    account.past_due_since = ladder.past_due_since
    for column, rung in zip(RUNG_COLUMNS, RUNGS, strict=True):
        setattr(account, column, ladder.at(rung))


async def climbing(session: AsyncSession) -> Sequence[BillingAccount]:
    """Return the accounts that owe something."""
    found = select(BillingAccount).where(BillingAccount.past_due_since.is_not(None))
    return (await session.scalars(found.order_by(BillingAccount.past_due_since))).all()


async def trials_ending(session: AsyncSession, now: datetime, near: timedelta) -> Sequence[str]:
    """Return the customers whose trial's end is near and who were not looked at since it is."""
    found = (
        select(BillingAccount.customer_id)
        .join(BillingSubscription, BillingSubscription.user_id == BillingAccount.user_id)
        .where(
            BillingSubscription.status == "trialing",
            BillingSubscription.trial_end <= now + near,
            BillingAccount.customer_id.is_not(None),
            BillingAccount.synced_at < BillingSubscription.trial_end - near,
        )
    )
    return [customer for customer in await session.scalars(found) if customer]


async def keep(session: AsyncSession, notice: Notice) -> bool:
    """Store an event; False when it, or its twin of the other form, is stored already."""
    row = insert(BillingEvent).values(
        id=notice.id,
        type=notice.type,
        object_kind=notice.object_kind,
        object_id=notice.object_id,
        customer_id=notice.customer,
        user_id=notice.user_id,
        happened_at=notice.created,
    )
    return await session.scalar(row.on_conflict_do_nothing().returning(BillingEvent.id)) is not None


async def claim(session: AsyncSession, *, most: int, lease: timedelta) -> Sequence[BillingEvent]:
    """Take at most so many events that are due; nobody else gets them before the lease ends."""
    due = (
        select(BillingEvent.id)
        .where(BillingEvent.outcome.is_(None), BillingEvent.due_at <= func.now())
        .order_by(BillingEvent.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    taken = update(BillingEvent).where(BillingEvent.id.in_(due.scalar_subquery()))
    values = {"due_at": func.now() + lease, "attempts": BillingEvent.attempts + 1}
    return (await session.scalars(taken.values(**values).returning(BillingEvent))).all()


async def end_events(session: AsyncSession, events: Collection[str], outcome: str) -> None:
    """Note that events were acted on."""
    if not events:
        return
    ended = update(BillingEvent).where(BillingEvent.id.in_(events), BillingEvent.outcome.is_(None))
    await session.execute(ended.values(outcome=outcome, complaint=None, ended_at=func.now()))


async def put_off(session: AsyncSession, events: Collection[str], complaint: str, longest: float) -> None:
    """Give events back, to be tried later and later."""
    pause = case(
        (BillingEvent.attempts < 10, func.least(func.pow(2.0, BillingEvent.attempts), longest)),  # noqa: PLR2004
        else_=longest,
    )
    later = update(BillingEvent).where(BillingEvent.id.in_(events), BillingEvent.outcome.is_(None))
    due = func.now() + pause * text("interval '1 second'")
    await session.execute(later.values(due_at=due, complaint=complaint[:300]))


async def failing(session: AsyncSession, limit: int) -> Sequence[BillingEvent]:
    """Return the events that could not be acted on yet, or were unmatched, the newest first."""
    wrong = or_(
        BillingEvent.outcome == "unmatched", BillingEvent.outcome.is_(None) & (BillingEvent.attempts > 1)
    )
    found = select(BillingEvent).where(wrong).order_by(BillingEvent.received_at.desc()).limit(limit)
    return (await session.scalars(found)).all()


async def forget(session: AsyncSession, age: timedelta) -> None:
    """Delete what ended long ago, longer than Stripe could deliver it again, and old requests."""
    await session.execute(delete(BillingEvent).where(BillingEvent.ended_at < func.now() - age))
    await session.execute(delete(BillingRequest).where(BillingRequest.created_at < func.now() - KEY_LIFE))


async def begin_request(
    session: AsyncSession, *, user_id: str, kind: str, plan: str | None, key: str | None
) -> BillingRequest:
    """Return a new request, or the one that was begun with the same key within a day."""
    mine = (BillingRequest.user_id == user_id, BillingRequest.key == key)
    old = BillingRequest.created_at < datetime.now(UTC) - KEY_LIFE
    await session.execute(delete(BillingRequest).where(*mine, old))
    values = {
        "id": f"bil_{secrets.token_hex(12)}",
        "user_id": user_id,
        "kind": kind,
        "plan": plan,
        "key": key,
    }
    row = insert(BillingRequest).values(**values).on_conflict_do_nothing().returning(BillingRequest)
    made = await session.scalar(row)
    return made or (await session.scalars(select(BillingRequest).where(*mine))).one()


async def end_request(session: AsyncSession, request_id: str, result: dict[str, Any] | None) -> None:
    """Keep what a request came to; without a result its next try is a new one to Stripe."""
    done = update(BillingRequest).where(BillingRequest.id == request_id)
    await session.execute(done.values(result=result, attempt=BillingRequest.attempt + int(result is None)))


IDLE = text(
    """
    select distinct s.user_id as id, s.plan from billing_subscriptions s
     where s.status in ('active', 'trialing', 'past_due')
       and not exists (select from instances i where i.customer_id = s.user_id)
     order by 1 limit :most
    """
)
UNPAID = text(
    """
    select i.customer_id as id, count(*) as servers
      from instances i
      join users u on u.id = i.customer_id and u.role <> 'admin'
      left join billing_accounts a on a.user_id = u.id
      left join plans p on p.id = :default_plan
     where not coalesce(a.exempt, false)
       and not exists (select from billing_subscriptions s where s.user_id = u.id
                       and s.status in ('active', 'trialing', 'past_due'))
     group by i.customer_id, p.limits
    having count(*) > coalesce((p.limits ->> 'gameServers')::bigint, 0)
                      + coalesce((p.limits ->> 'devContainers')::bigint, 0)
     order by 1 limit :most
    """
)


async def money_and_machines(
    session: AsyncSession, default_plan: str, most: int
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return who pays and has no server, and who has more servers than the default plan and pays nothing."""
    idle = (await session.execute(IDLE, {"most": most})).all()
    unpaid = (await session.execute(UNPAID, {"most": most, "default_plan": default_plan})).all()
    return idle, unpaid
