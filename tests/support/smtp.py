"""A real mail server (aiosmtpd) with a mailbox, and with whatever goes wrong on real ones."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage

USER, PASSWORD = "support", "a mailbox password"


@dataclass
class MailServer:
    """What arrived, and what is answered: a text such as ``451 later``, or ``drop``, or ``hang``."""

    port: int = 0
    rcpt: str = ""
    data: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, server: Any, session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        if self.rcpt == "hang":
            self.hanging.set()
            await self.over.wait()
        if self.rcpt not in {"", "hang"}:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - likewise
        if self.data and self.data not in {"drop", "hang"}:
            return self.data
        parsed = message_from_bytes(envelope.original_content, policy=policy.default)
        self.mails.append(parsed)  # pyright: ignore[reportArgumentType] - the policy makes it one
        self.secured.append(server.transport.get_extra_info("sslcontext") is not None)
        if self.data == "drop":
            server.transport.abort()
        if self.data == "hang":
            self.hanging.set()
            await self.over.wait()
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _kind: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append(given.login.decode())
        good = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    async def arrived(self, number: int = 1) -> EmailMessage:
        """Wait for so many mails; return the last of them."""
        await eventually(lambda: len(self.mails) >= number, what=f"mail {number}")
        return self.mails[-1]


class Certificates:
    """An authority of our own and the contexts of both sides."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.authority = trustme.CA()
        self._leaf = self.authority.issue_cert(host)

    def server(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._leaf.configure_cert(made)
        return made

    def client(self) -> ssl.SSLContext:
        made = ssl.create_default_context()
        self.authority.configure_trust(made)
        return made


@asynccontextmanager
async def mail_server(
    *,
    at_once: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    login: bool = False,
    host: str = "127.0.0.1",
    **answers: str,
) -> AsyncIterator[MailServer]:
    """Serve SMTP on a free port: TLS at once, STARTTLS, neither; with a login or without."""
    box = MailServer(**answers)  # pyright: ignore[reportArgumentType] - texts only
    options = {"authenticator": box.authenticate, "auth_required": True} if login else {}
    loop = asyncio.get_running_loop()
    open_ones: list[SMTP] = []

    def begin() -> SMTP:
        with warnings.catch_warnings():  # it warns of a login without TLS, which is what we want to see
            warnings.simplefilter("ignore")
            made = SMTP(
                box, hostname="mail.test", tls_context=starttls, auth_require_tls=False, loop=loop, **options
            )
        open_ones.append(made)
        return made

    server = await loop.create_server(begin, host, 0, ssl=at_once)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        box.over.set()
        server.close()
        for each in open_ones:
            if each.transport is not None:
                each.transport.abort()
        await server.wait_closed()


def link_in(mail: EmailMessage) -> str:
    """Return the first address in the text of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return next(word for word in body.get_content().split() if word.startswith("http"))
