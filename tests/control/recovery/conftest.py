"""An API whose mail arrives in a mailbox that we read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.support.smtp import MailServer, link_in, mail_server
from zpack.control.recovery.poller import ResetRequests
from zpack.control.wiring.mail import build_delivery
from zpack.control.wiring.recovery import build_proofs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage

    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients


class Post:
    """The worker's part, when the test wants it, and the mailbox it ends in."""

    def __init__(self, settings: Settings, clients: Clients, box: MailServer) -> None:
        self._requests = ResetRequests(database=clients.database, proofs=build_proofs(settings))
        self._delivery = build_delivery(settings, clients)
        self._database = clients.database
        self._box = box

    async def all(self, subject: str = "") -> list[EmailMessage]:
        """Let the worker do its work; return the mails with this word in their subject."""
        await self._requests.tick()
        await self._delivery.tick()
        return [mail for mail in self._box.mails if subject in str(mail["Subject"])]

    async def token(self, subject: str) -> str:
        """Return the token in the newest such mail."""
        return link_in((await self.all(subject))[-1]).partition("token=")[2]

    async def reset_token(self, caller: Caller, email: str = "ann@example.org") -> str:
        """Ask for a reset and return the token that comes."""
        reply = await caller.post("/api/auth/password-reset/request", {"email": email})
        assert reply.status == 200, reply
        return await self.token("Choose")

    async def change(self, change: str) -> None:
        async with self._database.transaction() as session:
            await session.execute(text(change))

    async def rows(self, query: str) -> list[Any]:
        async with self._database.reading() as session:
            return list((await session.execute(text(query))).all())


@pytest.fixture
async def box() -> AsyncIterator[MailServer]:
    async with mail_server() as made:
        yield made


@pytest.fixture
def extra(box: MailServer) -> dict[str, Any]:
    return {"smtp_host": "127.0.0.1", "smtp_port": box.port, "portal_url": "https://portal.example"}


@pytest.fixture
def post(settings: Settings, clients: Clients, box: MailServer) -> Post:
    return Post(settings, clients, box)
