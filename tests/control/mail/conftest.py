"""An outbox, and the wishes to send something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from zpack.control.mail import store

if TYPE_CHECKING:
    from zpack.control.db.session import Database

LINK = "http://localhost:3000/reset-password?token=a-secret-token"


class Outbox:
    """The outbox' table as its owner sees it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def queue(self, key: str = "k1", template: str = "password_reset", **facts: Any) -> None:
        given = facts or {"link": LINK, "minutes": 60}
        async with self.database.transaction() as session:
            await store.queue(session, template, to="ann@example.org", user_id="usr_1", key=key, **given)

    async def row(self, key: str = "k1") -> Any:
        async with self.database.reading() as session:
            found = await session.execute(
                text(
                    "select *, extract(epoch from due_at - now()) as wait from mail_outbox where key = :key"
                ),
                {"key": key},
            )
        return found.one()

    async def change(self, change: str) -> None:
        async with self.database.transaction() as session:
            await session.execute(text(f"update mail_outbox set {change}"))

    async def is_due(self) -> None:
        await self.change("due_at = now()")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)
