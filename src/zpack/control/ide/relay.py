"""Carries requests and sockets between a browser and what runs in a container (contract §7.2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.relay_http import Answer, ClientGone, RequestBody, Rights, RightsEnded, logged
from zpack.control.engine.splice import SPLICE, Splice
from zpack.control.ide.headers import sent_in, sent_out
from zpack.control.ide.passages import SOCKET_MARGIN, Passage

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

    from zpack.control.heartbeat.activity import Activities
    from zpack.control.ide.admission import Visit
    from zpack.control.ide.headers import Client, Pairs
    from zpack.control.ide.passages import Passages
    from zpack.control.outside.ide_upstream import IdeAnswer, IdeUpstream

IDLE_SECONDS = 60.0
"""A client that sends or takes nothing for so long has no more patience."""
KEEPING = {"cache-control", "expires", "pragma", "etag", "last-modified"}
SWITCH_HEAD = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"


class NoUpgrades(Refusal):
    """The server in front of us cannot give a connection away."""

    kind = "unavailable"
    code = "upgrade_unavailable"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, by whom, and the way to answer; ``told`` goes with the answer, whatever it is."""

    visit: Visit
    client: Client
    method: str
    path: str
    query: str
    headers: Pairs
    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    told: Pairs

    @property
    def target(self) -> str:
        """Return the container's own path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


class _Incoming:
    """The body of a request, and what comes behind it: two readers, one after the other."""

    def __init__(self, receive: Receive, headers: Pairs) -> None:
        names = {name for name, _ in headers}
        self.is_there = bool(names & {"content-length", "transfer-encoding"})
        self._receive = receive
        self._over = asyncio.Event()
        if not self.is_there:
            self._over.set()

    async def body(self) -> Message:
        """Receive a piece."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._over.set()
        return message

    async def rest(self) -> Message:
        """Receive what comes when the body is over."""
        await self._over.wait()
        return await self._receive()


class IdeRelay:
    """Every request and socket that passes."""

    def __init__(
        self, *, upstream: IdeUpstream, passages: Passages, ide_port: int, activities: Activities
    ) -> None:
        self._upstream = upstream
        self.passages = passages
        self._ide_port = ide_port
        self._activities = activities

    def shut(self) -> None:
        """End everything that passes: the process stops."""
        self.passages.shut()

    async def pass_request(self, asked: Request) -> bool:
        """Relay a request; False when it broke off in the answer. Raises what goes wrong before."""
        passage = Passage(asked.visit)
        self.passages.open(passage)
        incoming = _Incoming(asked.receive, asked.headers)
        rights = Rights(check=_still(passage))
        answer = Answer(incoming.rest, asked.send, rights=rights, idle_seconds=IDLE_SECONDS)
        body = RequestBody(incoming.body, rights=rights, idle_seconds=IDLE_SECONDS)
        try:
            with logged(f"IDE {asked.visit.place.vmid}", lambda: answer.size):
                await self._exchange(asked, passage, answer, body if incoming.is_there else None)
        except (ClientGone, Refusal, ForeignError):
            if not answer.begun:
                raise
            return False
        finally:
            self.passages.close(passage)
        return True

    async def _exchange(
        self, asked: Request, passage: Passage, answer: Answer, body: RequestBody | None
    ) -> None:
        visit, port = asked.visit, self._port(asked.visit)
        await self._activities.note(visit.place.vmid, "ide.request")
        try:
            async with self._upstream.ask(
                *(asked.method, (visit.ip, port), asked.target),
                sent_in(asked.headers, visit.place, asked.client),
                body.pieces() if body else None,
            ) as found:
                passage.on_end = found.cut
                headers = self._shown(asked, found, port)
                await answer.relay(found.status, headers, found)
        except ForeignError as failure:
            if passage.ended is not None:
                raise RightsEnded("The right to this has ended.") from failure
            if body is not None and body.failure is not None:
                raise body.failure from failure
            raise

    def _shown(self, asked: Request, found: IdeAnswer, port: int) -> Pairs:
        headers = sent_out(
            *(found.headers, asked.visit.place),
            path=asked.path,
            ip=asked.visit.ip,
            port=port,
            public=asked.visit.session is None,
        )
        if asked.told:  # a cookie: nothing between here and the browser may keep this answer
            headers = [(name, value) for name, value in headers if name.lower() not in KEEPING]
            headers.append(("cache-control", "no-store"))
        return [*headers, ("x-request-id", asked.request_id), *asked.told]

    async def pass_socket(self, asked: Request) -> None:
        """Open a WebSocket on both sides and let it pass; returns as soon as it does."""
        give_away = asked.scope.get("extensions", {}).get(SPLICE)
        if give_away is None:
            raise NoUpgrades("This server cannot pass WebSockets on.")
        passage = Passage(asked.visit, margin=SOCKET_MARGIN)
        self.passages.open(passage)
        try:
            await self._joined(asked, passage, give_away)
        except BaseException:
            self.passages.close(passage)
            raise

    async def _joined(self, asked: Request, passage: Passage, give_away: Callable[..., Any]) -> None:
        visit = asked.visit
        headers = sent_in(asked.headers, visit.place, asked.client)
        headers += [("connection", "Upgrade"), ("upgrade", "websocket")]
        found = await self._upstream.upgrade((visit.ip, self._port(visit)), asked.target, headers)
        splice = Splice(over=lambda: self.passages.close(passage))
        told = [(name, value) for name, value in found.headers if name.lower().startswith("sec-websocket-")]
        told += [("x-request-id", asked.request_id), *asked.told]
        lines = "".join(f"{name}: {value}\r\n" for name, value in told)
        client = give_away(f"{SWITCH_HEAD}{lines}\r\n".encode("latin-1"), splice.client)
        if client is None:
            found.transport.abort()
            raise ClientGone
        splice.join(client, found.transport, found.first)
        passage.on_end = lambda: splice.end(passage.ending())
        passage.taken = lambda: splice.client.taken
        if passage.ended is not None:
            passage.on_end()

    def _port(self, visit: Visit) -> int:
        return visit.place.port or self._ide_port


def _still(passage: Passage) -> Callable[[], Any]:
    async def check() -> bool:
        return passage.ended is None

    return check
