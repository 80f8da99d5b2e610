"""What operators look at: events that wait, and whether who pays and who has servers are the same people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.billing import store

if TYPE_CHECKING:
    from zpack.control.db.session import Database

MOST = 200


class Ledger:
    """The books beside the machines."""

    def __init__(self, *, database: Database, default_plan: str) -> None:
        self._database = database
        self._default_plan = default_plan

    async def failing(self) -> list[dict[str, Any]]:
        """Return the events that could not be acted on yet, or that are nobody's."""
        async with self._database.reading() as session:
            rows = await store.failing(session, MOST)
        return [
            {
                "id": row.id,
                "type": row.type,
                "object": row.object_id,
                "customer": row.customer_id,
                "outcome": row.outcome,
                "attempts": row.attempts,
                "complaint": row.complaint,
                "receivedAt": row.received_at.isoformat(),
                "dueAt": row.due_at.isoformat() if row.outcome is None else None,
            }
            for row in rows
        ]

    async def compare(self) -> dict[str, Any]:
        """Return payers without servers, and servers beyond the free plan that nobody pays for."""
        async with self._database.reading() as session:
            idle, unpaid = await store.money_and_machines(session, self._default_plan, MOST)
        return {
            "payersWithoutServers": [{"userId": row.id, "plan": row.plan} for row in idle],
            "serversWithoutPayer": [{"userId": row.id, "servers": row.servers} for row in unpaid],
        }
