"""Streams of events: who listens, what each still has to hear, and when the right to it has ended.

One subscription per process feeds all its streams. A stream begins with everything its owner has, so a
listener that reconnects has missed nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from zpack.control.engine.channels import Channel, Channels
from zpack.control.events.models import HELLO, PING, Pending, event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import Session
    from zpack.control.engine.changes import Change, Changes
    from zpack.control.operations.actions import Operations
    from zpack.control.status.view import Servers

STREAMS_PER_USER = 20
STREAMS = 2000
PING_SECONDS = 15.0
GATHER_SECONDS = 0.1
"""How long a batch of changes is gathered before it is told."""


class Stream(Channel):
    """One listener."""

    kind = "events"

    def __init__(self, session: Session) -> None:
        super().__init__(keys=(session.user.id,), seconds=session.seconds_left())
        self.session = session
        self.user = session.user
        self.pending = Pending()
        self._awake = self.over
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

    async def wait(self) -> bool:
        """Wait for something to tell; False when it is only time for a sign of life."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._awake.wait()
        except TimeoutError:
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
        self._channels: Channels[Stream] = Channels(lost=self._lost, most=STREAMS, per_key=STREAMS_PER_USER)
        self._listening: asyncio.Task[None] | None = None

    def open(self, session: Session) -> Stream:
        """Begin a stream for whoever has this session. Raises TooManyStreams."""
        stream = Stream(session)
        self._channels.open(stream)
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
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
        self._channels.close(stream)
        if not len(self._channels):
            self._stop()

    def shut(self) -> None:
        """End every stream: the process stops."""
        self._channels.shut()
        self._stop()

    def _stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None

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
        for ticket in sorted(pending.tickets):
            yield event("ticket.updated", orjson.dumps({"id": ticket}))

    async def _listen(self) -> None:
        async for change in self._changes.listen():
            for stream in self._channels:
                stream.note(change)

    async def _lost(self, streams: Collection[Stream]) -> dict[Stream, str]:
        """Return the streams of accounts and sessions that are gone or may no longer see what they saw."""
        lost = await self._accounts.lost_rights({stream.session for stream in streams})
        return {stream: "access_revoked" for stream in streams if stream.session in lost}
