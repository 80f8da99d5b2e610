"""SQL of the servers of all accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.control.fleet.models import Row

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

ROWS = text(
    """
    select i.vmid, i.ctype, i.hostname, i.customer_id, u.username, i.agent_state, i.display_name,
           coalesce(u.role <> 'admin' and (
             s.held_at is not null or s.server_billing_state in ('suspended_shutdown', 'retained')
           ), false) as suspended
      from instances i left join users u on u.id = i.customer_id left join standings s on s.user_id = u.id
     order by i.vmid
    """
)


async def list_rows(session: AsyncSession) -> dict[int, Row]:
    """Return every server by VMID; there are no more than VMIDs in our ranges."""
    return {row[0]: Row(*row) for row in await session.execute(ROWS)}
