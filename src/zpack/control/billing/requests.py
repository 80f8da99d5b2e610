"""One request of an account at a time, and each under keys of its own: a double click buys once.

The keys that Stripe is given derive from our row, so a caller who comes again with their key is the same
request to Stripe too. After an answer that nobody can know (Stripe keeps even its own 500) the row's next
attempt has new keys; what the first one did is then found by looking, for every change looks first.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.billing import store
from zpack.control.billing.refusals import BillingBusy, CardDeclined
from zpack.control.outside.stripe import StripeAway, StripeDeclined, StripeRefused
from zpack.control.replays.actions import KeyReused, check_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database

ABREAST = 4
"""Requests at once in one process: each keeps a database connection while Stripe is asked."""


@dataclass
class Request:
    """One request that costs money."""

    id: str
    attempt: int
    result: dict[str, Any] | None

    def key(self, step: str) -> str:
        """Return the key that Stripe knows a step by."""
        return f"zpack-{self.id}-{self.attempt}-{step}"


class Requests:
    """What customers asked for that costs money."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._several = asyncio.Semaphore(ABREAST)

    @asynccontextmanager
    async def begun(
        self, user: User, kind: str, *, plan: str | None = None, key: str | None = None
    ) -> AsyncGenerator[Request]:
        """Yield the request, alone for this account; its ``result`` is kept when the block ends well.

        Raises BillingBusy, BadKey, KeyReused, CardDeclined.
        """
        check_key(key)
        name = f"billing-request:{user.id}"
        async with self._several, self._database.advisory_lock(name) as alone:
            if not alone:
                text = "Another request of this account is being worked on."
                raise BillingBusy(text, details={"retryAfter": 1})
            async with self._database.transaction() as session:
                row = await store.begin_request(session, user_id=user.id, kind=kind, plan=plan, key=key)
            if (row.kind, row.plan) != (kind, plan):
                raise KeyReused("This Idempotency-Key was used for another request.")
            request = Request(row.id, row.attempt, row.result)
            try:
                yield request
            except StripeDeclined as declined:
                await self._end(request, None)
                text = "The payment was declined; nothing was changed."
                raise CardDeclined(text, details={"reason": declined.reason}) from declined
            except (StripeAway, StripeRefused):
                await self._end(request, None)
                raise
            await self._end(request, request.result)

    async def _end(self, request: Request, result: dict[str, Any] | None) -> None:
        async with self._database.transaction() as session:
            await store.end_request(session, request.id, result)
