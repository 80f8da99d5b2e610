"""SQL of what a list of accounts shows beside the accounts themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
