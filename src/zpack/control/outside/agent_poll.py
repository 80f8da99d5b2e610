"""Polls agents over connections that are kept: several questions in one write, the answers in order.

HTTP/1.1 pipelining (RFC 9112 §9.3.2) with httptools' parser. A general client costs several times as much
per question (docs/performance.md), and the poller asks thousands of agents every few seconds. The agent is
hostile ground here as elsewhere: what it may send is bounded, redirects are not followed, a silent one costs
its budget and no more.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httptools

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Sequence

TOTAL_LIMIT = 2 << 20
"""Bytes of all answers to one set of questions, headers included."""
FIRST_FINAL = 200


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: HTTP status and body."""

    status: int
    body: bytes


class AgentPolls:
    """Asks agents, one set of questions per agent at a time; keeps one connection to each."""

    def __init__(self, *, port: int) -> None:
        self._port = port
        self._open: dict[str, _Connection] = {}
        self._closed = False

    async def ask(self, ip: str, token: str, paths: Sequence[str], *, seconds: float) -> list[Said | None]:
        """Ask for every path in order; an answer that did not come in time is None, as are all after it.

        Raises ForeignError when nothing at all was answered, or after the close.
        """
        if self._closed:
            raise ForeignError("the agent was asked after its connections were closed", transient=True)
        answers: list[Said] = []
        why = "did not answer in time"
        try:
            async with asyncio.timeout(seconds):
                while len(answers) < len(paths):
                    got, why = await self._round(ip, token, paths[len(answers) :], answers)
                    if not got:
                        break
        except TimeoutError:
            why = "did not answer in time"
        if not answers:
            raise ForeignError(f"the agent {why}", transient=True, timed_out="time" in why)
        return [*answers, *([None] * (len(paths) - len(answers)))]

    async def _round(
        self, ip: str, token: str, paths: Sequence[str], answers: list[Said]
    ) -> tuple[bool, str]:
        """Ask once; say whether anything was answered, and why not.

        A kept connection may have been closed by the agent meanwhile: then a fresh one is tried.
        """
        kept = self._open.pop(ip, None)
        if kept is not None and kept.usable and await self._asked(kept, ip, token, paths, answers):
            return True, ""
        try:
            _, fresh = await asyncio.get_running_loop().create_connection(_Connection, ip, self._port)
        except OSError as failure:
            return False, f"cannot be reached ({failure.strerror or type(failure).__name__})"
        got = await self._asked(fresh, ip, token, paths, answers)
        return got, fresh.complaint or "broke off"

    async def _asked(
        self, connection: _Connection, ip: str, token: str, paths: Sequence[str], answers: list[Said]
    ) -> bool:
        """Ask on one connection, and keep it when it is good for more."""
        try:
            return await connection.ask(_written(ip, self._port, token, paths), len(paths), answers)
        finally:
            if connection.usable and not self._closed:
                self._open[ip] = connection
            else:
                connection.abort()

    def forget(self, ip: str) -> None:
        """Close the connection to an agent that is polled no more."""
        connection = self._open.pop(ip, None)
        if connection is not None:
            connection.abort()

    async def close(self) -> None:
        """Close every connection for good; one that is asked on ends with its answer."""
        self._closed = True
        for ip in list(self._open):
            self.forget(ip)


class _Connection(asyncio.Protocol):
    """One connection. It is usable again only when every question was answered."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answers: list[Said] = []
        self._expected = 0
        self._received = 0
        self._body: list[bytes] = []
        self._done: asyncio.Future[None] | None = None
        self._last = False
        self.complaint = ""

    @property
    def usable(self) -> bool:
        """Whether another question may be asked here."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and not self._expected and not self._last

    async def ask(self, written: bytes, expected: int, answers: list[Said]) -> bool:
        """Send questions and add their answers to ``answers``; say whether there was any."""
        assert self._transport is not None  # noqa: S101 - asked only while usable
        self._answers, self._expected, self._received = answers, expected, 0
        self._done = asyncio.get_running_loop().create_future()
        before = len(answers)
        self._transport.write(written)
        try:
            await self._done
        finally:
            self._done = None
        return len(answers) > before

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait for what will not come."""
        del exc
        self._last = True
        self._finish()

    def data_received(self, data: bytes) -> None:
        """Parse; refuse what is too much, is no HTTP, or was not asked for."""
        self._received += len(data)
        if self._received > TOTAL_LIMIT:
            self._refuse("sent too much")
        elif not self._expected:
            self._refuse("sent what was not asked for")
        else:
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, ValueError):
                self._refuse("did not speak HTTP")

    def on_message_begin(self) -> None:
        """Begin an answer; after one that nobody asked for nothing more is asked here."""
        self._body = []
        if not self._expected:
            self._last = True

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Take an answer; interim ones (1xx) are passed over."""
        status = self._parser.get_status_code()
        if status < FIRST_FINAL or not self._expected:
            return
        self._answers.append(Said(status, b"".join(self._body)))
        self._expected -= 1
        self._last = not self._parser.should_keep_alive()
        if self._last or not self._expected:
            self._finish()

    def _refuse(self, why: str) -> None:
        self.complaint = why
        self._last = True
        self.abort()
        self._finish()

    def _finish(self) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(None)


def _written(ip: str, port: int, token: str, paths: Sequence[str]) -> bytes:
    tail = f" HTTP/1.1\r\nHost: {ip}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    return "".join([f"GET {path}{tail}" for path in paths]).encode("latin-1")
