"""Answers requests for a reset where nobody can watch: a known address costs its sender no other time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from zpack.control.accounts import store as accounts
from zpack.control.audit.store import record
from zpack.control.recovery import store

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.recovery.proofs import Proofs

MEMORY = timedelta(days=7)


class ResetRequests:
    """Any number of workers may run it."""

    def __init__(self, *, database: Database, proofs: Proofs) -> None:
        self._database = database
        self._proofs = proofs

    async def tick(self) -> None:
        """Answer everything that was asked for."""
        while await self._answer_one():
            pass

    async def forget(self) -> None:
        """Delete tokens that are good for nothing any more."""
        async with self._database.transaction() as session:
            await store.forget_tokens(session, MEMORY)

    async def _answer_one(self) -> bool:
        """Look an address up and mail its account a link, in the transaction that takes the request away."""
        async with self._database.transaction() as session:
            email = await store.take_request(session)
            if email is None:
                return False
            user = await accounts.find_by_email(session, email)
            if user is not None and await self._proofs.send_reset(session, user.id, user.email):
                record(session, "user.password_reset_request", actor=user.id)
        return True
