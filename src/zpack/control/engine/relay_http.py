"""Relays one HTTP body between two connections: piece by piece, never faster than the slower side takes it.

What can go wrong has a category each, and the log says which it was: the client's fault, ours, or the
agent's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, Protocol

from starlette.exceptions import HTTPException

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.measures import RELAYED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence

    from starlette.types import Receive, Send

log = logging.getLogger("zpack.relay")
FROM_PEOPLE, TO_PEOPLE = RELAYED["http", "in"], RELAYED["http", "out"]
RIGHTS_SECONDS = 1.0
Category = Literal[
    "client_abort", "client_timeout", "too_large", "upstream_timeout", "upstream_reset", "upstream_refused",
    "rights_ended", "failed",
]  # fmt: skip


class ClientGone(Exception):
    """The client went away before the end; nobody is left to be answered."""


class BodyTooSlow(Refusal):
    """The client sends nothing for too long."""

    kind = "slow"
    code = "body_too_slow"


class RightsEnded(Refusal):
    """What allowed the transfer is no more."""

    kind = "forbidden"
    code = "access_revoked"


class Upstream(Protocol):
    """An answer that is being received."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body. Raises ForeignError."""
        ...


@dataclass
class Rights:
    """Asks once a second, while bytes flow, whether they still may."""

    check: Callable[[], Awaitable[bool]]
    asked: float = 0.0

    def __post_init__(self) -> None:
        """The caller has just asked."""
        self.asked = time.monotonic()

    async def hold(self) -> None:
        """Raise RightsEnded when they may not."""
        now = time.monotonic()
        if now - self.asked >= RIGHTS_SECONDS:
            self.asked = now
            if not await self.check():
                raise RightsEnded("The right to this transfer has ended.")


class RequestBody:
    """The body of a request as it arrives. ``failure`` remembers why it broke off, over any library."""

    def __init__(self, receive: Receive, *, rights: Rights, idle_seconds: float) -> None:
        self._receive = receive
        self._rights = rights
        self._idle_seconds = idle_seconds
        self.size = 0
        self.failure: Exception | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body. Raises ClientGone, BodyTooSlow, RightsEnded, and what ``receive`` raises."""
        more = True
        try:
            while more:
                data, more = await self._next()
                self.size += len(data)
                FROM_PEOPLE.size += len(data)
                await self._rights.hold()
                if data:
                    yield data
        except Exception as failure:
            self.failure = failure
            raise

    async def _next(self) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(self._idle_seconds):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow("The body does not arrive.") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)


class Answer:
    """The answer to a client, sent as it comes from elsewhere."""

    def __init__(self, receive: Receive, send: Send, *, rights: Rights, idle_seconds: float) -> None:
        self._receive = receive
        self._send = send
        self._rights = rights
        self._idle_seconds = idle_seconds
        self.size = 0
        self.begun = False

    async def relay(
        self, status: int, headers: Mapping[str, str] | Sequence[tuple[str, str]], upstream: Upstream
    ) -> None:
        """Send status, headers and body. Raises ClientGone, BodyTooSlow, RightsEnded, ForeignError."""
        async with self._while_client_stays():
            self.begun = True
            pairs = headers.items() if isinstance(headers, Mapping) else headers
            raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]
            await self._send({"type": "http.response.start", "status": status, "headers": raw})
            async for data in upstream.pieces():
                await self._rights.hold()
                await self._take(data)
                self.size += len(data)
                TO_PEOPLE.size += len(data)
            await self._send({"type": "http.response.body", "body": b""})

    @contextlib.asynccontextmanager
    async def _while_client_stays(self) -> AsyncGenerator[None]:
        """Raise ClientGone in what is inside, whatever it waits for, when the client goes away."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        inside = stays = True

        async def watch() -> None:
            nonlocal stays
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if inside:
                stays = False
                task.cancel()

        watching = asyncio.create_task(watch())
        try:
            yield
        except asyncio.CancelledError:
            if stays or task.uncancel() > 0:
                raise
            raise ClientGone from None
        finally:
            inside = False
            watching.cancel()
            await asyncio.wait({watching})

    async def _take(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._idle_seconds):
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except TimeoutError:
            raise BodyTooSlow("The client takes nothing.") from None


CATEGORIES: tuple[tuple[type[Exception], Category], ...] = (
    (ClientGone, "client_abort"),
    (BodyTooSlow, "client_timeout"),
    (RightsEnded, "rights_ended"),
    (Refusal, "upstream_refused"),
)


def category_of(failure: BaseException) -> Category:
    """Return what kind of end a failure is."""
    if isinstance(failure, ForeignError):
        return "upstream_timeout" if failure.timed_out else "upstream_reset"
    if isinstance(failure, HTTPException) and failure.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "too_large"
    for kind, category in CATEGORIES:
        if isinstance(failure, kind):
            return category
    return "failed"


@contextlib.contextmanager
def logged(what: str, size: Callable[[], int]) -> Generator[None]:
    """Log how a transfer ended when it did not end well; the failure goes on."""
    begun = time.monotonic()
    try:
        yield
    except Exception as failure:
        seconds = time.monotonic() - begun
        log.warning("%s: %s after %d bytes and %.1f s", what, category_of(failure), size(), seconds)
        raise
