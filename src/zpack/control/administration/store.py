"""SQL of what a list of accounts shows beside the accounts themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

CIRCUMSTANCES = text(
    """
    select u.id, s.plan, coalesce(s.billing_status, 'none') as billing_status,
           u.role <> 'admin' and (
             s.held_at is not null or s.server_billing_state in ('suspended_shutdown', 'retained')
           ) as suspended,
           (select count(*) from instances i where i.customer_id = u.id) as servers,
           s.held_at, s.held_reason, coalesce(b.exempt, false) as exempt
      from users u
      left join standings s on s.user_id = u.id
      left join billing_accounts b on b.user_id = u.id
     where u.id = any(:ids)
    """
)
TOTALS = text(
    """
    select (select count(*) from users) as users,
           (select count(*) from users where role = 'admin') as administrators,
           (select count(*) from users where created_at > now() - interval '1 day') as registered,
           (select count(*) from standings s join users u on u.id = s.user_id
             where u.role <> 'admin' and (s.held_at is not null
               or s.server_billing_state in ('suspended_shutdown', 'retained'))) as suspended,
           (select count(*) from instances) as servers,
           (select count(*) from support_tickets where status = 'open') as tickets
    """
)
OUTCOMES = text(
    """
    select status, count(*) as number from operations
     where status in ('queued', 'running') or started_at > now() - interval '1 day'
     group by status
    """
)
REVENUE = text(
    """
    select p.currency, count(*) as payers,
           sum(case p.interval when 'year' then p.price_cents / 12.0 else p.price_cents end) as cents
      from billing_subscriptions s join plans p on p.id = s.plan
     where s.status in ('active', 'past_due') and p.price_cents > 0
     group by p.currency order by p.currency
    """
)
STANDINGS = text(
    "select billing_status, count(*) as number from standings"
    " where billing_status <> 'none' group by billing_status"
)


@dataclass(frozen=True)
class Circumstances:
    """How an account stands, and how many servers it has."""

    plan: str | None
    billing_status: str
    suspended: bool
    servers: int
    held_at: datetime | None = None
    held_reason: str | None = None
    exempt: bool = False


async def read_circumstances(session: AsyncSession, user_ids: Collection[str]) -> dict[str, Circumstances]:
    """Return those of each of these accounts."""
    rows = await session.execute(CIRCUMSTANCES, {"ids": list(user_ids)})
    return {
        row.id: Circumstances(
            row.plan,
            row.billing_status,
            bool(row.suspended),
            row.servers,
            row.held_at,
            row.held_reason,
            row.exempt,
        )
        for row in rows
    }


async def read_totals(session: AsyncSession) -> dict[str, int]:
    """Return how many accounts, servers and open tickets there are."""
    return dict((await session.execute(TOTALS)).mappings().one())


async def read_outcomes(session: AsyncSession) -> dict[str, int]:
    """Return how many operations are under way, and how those of the last day ended."""
    return {row.status: row.number for row in await session.execute(OUTCOMES)}


async def read_revenue(session: AsyncSession) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return what subscriptions bring in a month, by currency, and how many accounts stand how."""
    monthly = [
        {"currency": row.currency, "cents": round(row.cents), "payers": row.payers}
        for row in await session.execute(REVENUE)
    ]
    return monthly, {row.billing_status: row.number for row in await session.execute(STANDINGS)}
