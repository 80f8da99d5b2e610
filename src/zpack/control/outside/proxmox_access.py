"""How we prove to Proxmox who we are: an API token, or a ticket that a login with a password gives.

A ticket is good for two hours on every node of the cluster; changes need the CSRF token that came with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.proxmox_errors import Denied, Garbled, error_for, message_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.control.outside.http import Answer

    Login = Callable[[Mapping[str, str]], Awaitable[Answer]]
    """Sends the form of a login."""

PREFIX = "PVEAPIToken="
RENEW_SECONDS = 90 * 60.0
REMEMBER_SECONDS = 3.0
OK = 200


class Access(Protocol):
    """What goes with every call."""

    async def headers(self, method: str, login: Login) -> Mapping[str, str]:
        """Return the headers that let a call in; log in first when that is needed. Raises ForeignError."""
        ...

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Take note that these headers were not let in; say whether new ones may be."""
        ...


class Token:
    """An API token, ``USER@REALM!ID=SECRET``, with or without the prefix ``PVEAPIToken=``."""

    def __init__(self, text: str) -> None:
        self._headers = {"Authorization": f"{PREFIX}{text.removeprefix(PREFIX)}"}

    async def headers(self, method: str, login: Login) -> Mapping[str, str]:
        """Return the one header of a token."""
        del method, login
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        """A token that was refused stays so."""
        del headers
        return False


def token_of(*, user: str, token_id: str, secret: str) -> str:
    """Return the token of its three parts; the id may carry its user already."""
    token_id = token_id.removeprefix(PREFIX)
    name = token_id if "!" in token_id else f"{user}!{token_id}"
    return f"{name}={secret}"


@dataclass(frozen=True)
class _Session:
    ticket: str
    csrf: str
    renew_at: float


class Ticket:
    """A login, shared by all calls and renewed before it runs out.

    Many who find it missing wait for one login; its failure is theirs too, for a few seconds.
    """

    def __init__(self, *, user: str, password: str, renew: float = RENEW_SECONDS) -> None:
        self._form = {"username": user, "password": password}
        self._renew = renew
        self._session: _Session | None = None
        self._failure: tuple[float, ForeignError] | None = None
        self._turn = asyncio.Lock()

    async def headers(self, method: str, login: Login) -> Mapping[str, str]:
        """Return the cookie, and the CSRF token for a change. Raises ForeignError, Denied."""
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if self._session is None or now >= self._session.renew_at:
                self._session = await self._logged_in(login, now)
            session = self._session
        cookie = {"Cookie": f"PVEAuthCookie={session.ticket}"}
        return cookie if method == "GET" else {**cookie, "CSRFPreventionToken": session.csrf}

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Forget the ticket, unless it was replaced meanwhile."""
        if self._session is not None and headers.get("Cookie") == f"PVEAuthCookie={self._session.ticket}":
            self._session = None
        return True

    async def _logged_in(self, login: Login, now: float) -> _Session:
        if self._failure is not None and now < self._failure[0]:
            raise self._failure[1]
        try:
            session = _session_of(await login(self._form), now + self._renew)
        except ForeignError as failure:
            self._failure = (now + REMEMBER_SECONDS, failure)
            raise
        self._failure = None
        return session


def _session_of(answer: Answer, renew_at: float) -> _Session:
    if answer.status != OK:
        raise error_for(answer.status, message_of(answer))
    body = answer.json
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise Garbled("what answered the login is not Proxmox", transient=True)
    if data.get("NeedTFA"):
        raise Denied("Proxmox refused: this user needs a second factor; use an API token", transient=False)
    ticket, csrf = data.get("ticket"), data.get("CSRFPreventionToken")
    if not (
        isinstance(ticket, str) and ticket.isprintable() and isinstance(csrf, str) and csrf.isprintable()
    ):
        raise Garbled("the login's answer has no ticket", transient=True)
    return _Session(ticket, csrf, renew_at)
