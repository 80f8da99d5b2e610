"""Bytes that flow in and out: how long they may take, how many flow at once, and nothing torn by a cancel."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from zpack.agent.problems import Busy, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator

    from aiohttp import web

    from zpack.wire.problem import Kind

T = TypeVar("T")
PIECE = 1024 * 1024


@dataclass(frozen=True)
class TransferLimits:
    """What one agent bears."""

    seconds: float = 300.0
    """How long one upload may take."""
    idle_seconds: float = 30.0
    """How long nothing may arrive, or be taken."""
    at_once: int = 8


class Broken(Refusal):
    """The body did not arrive as it was announced."""

    code = "incomplete_body"


class TooSlow(Refusal):
    """The body did not arrive in time."""

    kind: Kind = "slow"
    code = "body_too_slow"


class Transfers:
    """Counts the transfers of one direction."""

    def __init__(self, *, limits: TransferLimits) -> None:
        self.limits = limits
        self._running = 0

    @contextlib.contextmanager
    def one(self) -> Generator[None]:
        """Take a place. Raises :class:`Busy`."""
        if self._running >= self.limits.at_once:
            raise Busy("too many transfers at once")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def pieces(self, request: web.Request) -> AsyncIterator[bytes]:
        """Yield the body in pieces of about a MiB. Raises :class:`TooSlow`, :class:`Broken`."""
        deadline = time.monotonic() + self.limits.seconds
        held: list[bytes] = []
        size = 0
        while data := await self._next(request, deadline - time.monotonic()):
            held.append(data)
            size += len(data)
            if size >= PIECE:
                yield b"".join(held)
                held, size = [], 0
        if held:
            yield b"".join(held)

    async def _next(self, request: web.Request, left: float) -> bytes:
        try:
            async with asyncio.timeout(min(self.limits.idle_seconds, left)):
                return await request.content.readany()
        except TimeoutError:
            raise TooSlow("the body did not arrive in time") from None
        except (HttpProcessingError, RequestPayloadError, OSError) as error:
            raise Broken("the body broke off, or is not what its headers say") from error


async def to_end(call: Callable[..., T], *args: Any, **named: Any) -> T:
    """Run a blocking call in a thread and see its end, also when cancelled: it uses descriptors of ours."""
    task = asyncio.ensure_future(asyncio.to_thread(call, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise
