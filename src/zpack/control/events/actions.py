"""Streams of events: who listens, what each still has to hear, and when the right to it has ended.

One subscription per process feeds all its streams. A stream begins with everything its owner has, so a
listener that reconnects has missed nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

import orjson

from zpack.control.engine.errors import Refusal
from zpack.control.events.models import HELLO, PING, Pending, event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import Session, User
    from zpack.control.engine.changes import Change, Changes
    from zpack.control.operations.actions import Operations
    from zpack.control.status.view import Servers

log = logging.getLogger("zpack.events")
STREAMS_PER_USER = 20
STREAMS = 2000
PING_SECONDS = 15.0
GATHER_SECONDS = 0.1
"""How long a batch of changes is gathered before it is told."""
RIGHTS_SECONDS = 0.5


class TooManyStreams(Refusal):
    """The caller, or everybody together, listens too often already."""

    kind = "limit"
    code = "too_many_streams"


class Stream:
    """One listener. ``until`` is on the monotonic clock."""

    def __init__(self, *, user: User, until: float) -> None:
        self.user = user
        self.until = until
        self.pending = Pending()
        self.ended: str | None = None
        self._awake = asyncio.Event()
        self._awake.set()

    def note(self, change: Change | None) -> None:
        """Note a change, if it is this listener's business."""
        if change is None:
            self.pending.missed()
        elif self.user.is_admin or change.owner == self.user.id:
            self.pending.add(change.subject, change.key)
        else:
            return
        self._awake.set()

    def end(self, reason: str) -> None:
        """End the stream; ``reason`` is told to the listener."""
        self.ended = self.ended or reason
        self._awake.set()

    async def wait(self) -> bool:
        """Wait for something to tell; False when it is only time for a sign of life."""
        left = self.until - time.monotonic()
        try:
            async with asyncio.timeout(min(PING_SECONDS, max(0.0, left))):
                await self._awake.wait()
        except TimeoutError:
            if time.monotonic() >= self.until:
                self.end("token_expired")
            return self.ended is not None
        if self.ended is None:
            await asyncio.sleep(GATHER_SECONDS)
        self._awake.clear()
        return True


class Streams:
    """Every stream of this process."""

    def __init__(
        self, *, changes: Changes, accounts: Accounts, servers: Servers, operations: Operations
    ) -> None:
        self._changes = changes
        self._accounts = accounts
        self._servers = servers
        self._operations = operations
        self._streams: set[Stream] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def open(self, session: Session) -> Stream:
        """Begin a stream for whoever has this session. Raises TooManyStreams."""
        per_user = Counter(stream.user.id for stream in self._streams)
        if per_user[session.user.id] >= STREAMS_PER_USER or len(self._streams) >= STREAMS:
            raise TooManyStreams("Too many event streams are open.", details={"retryAfter": 10})
        stream = Stream(user=session.user, until=time.monotonic() + session.seconds_left())
        self._streams.add(stream)
        if not any(not task.done() for task in self._tasks):
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._watch_rights())]
        return stream

    async def told(self, stream: Stream) -> AsyncGenerator[bytes]:
        """Yield a stream's bytes until it ends."""
        try:
            yield HELLO
            while stream.ended is None:
                if not await stream.wait():
                    yield PING
                elif stream.ended is None:
                    async for part in self._news(stream):
                        yield part
            yield event("end", orjson.dumps({"reason": stream.ended}))
        finally:
            self.close(stream)

    def close(self, stream: Stream) -> None:
        """Forget a stream; with the last one the subscription ends too."""
        self._streams.discard(stream)
        if not self._streams:
            self._stop()

    def shut(self) -> None:
        """End every stream: the process stops."""
        for stream in list(self._streams):
            stream.end("server_stopping")
        self._stop()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _news(self, stream: Stream) -> AsyncGenerator[bytes]:
        """Yield what has changed for this listener, as it is now."""
        pending = stream.pending.taken()
        user = stream.user
        if pending.everything:
            yield event("servers.snapshot", await self._servers.listed(user))
        for vmid in sorted(pending.servers):
            view = await self._servers.seen_by(user, int(vmid))
            if view is not None:
                yield event("server.status", view)
            else:
                yield event("server.deleted", orjson.dumps({"id": vmid, "vmid": int(vmid)}))
        for operation in await self._operations.seen_by(user, pending.operations):
            yield event("operation.updated", orjson.dumps(operation))

    async def _listen(self) -> None:
        async for change in self._changes.listen():
            for stream in self._streams:
                stream.note(change)

    async def _watch_rights(self) -> None:
        """End the streams of accounts that are gone or may no longer see what they saw."""
        while True:
            await asyncio.sleep(RIGHTS_SECONDS)
            try:
                lost = await self._accounts.lost_rights({stream.user for stream in self._streams})
            except Exception:  # a database away for a moment must not end every stream
                log.warning("the rights of listeners cannot be read", exc_info=True)
                continue
            for stream in list(self._streams):
                if stream.user.id in lost:
                    stream.end("access_revoked")
                elif time.monotonic() > stream.until + PING_SECONDS:
                    self.close(stream)  # nobody reads it, so it could not end by itself
