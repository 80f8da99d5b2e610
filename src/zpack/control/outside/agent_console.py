"""The console socket of an agent: hostile ground, as everything of the agent's (contract §4.4, row S110)."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from websockets.frames import Close, Frame, Opcode

from zpack.control.engine.errors import ForeignError
from zpack.control.engine.frames import CLOSE as GOODBYE
from zpack.control.engine.frames import PING, BadFrames, ServerFrames
from zpack.control.engine.measures import RELAYED
from zpack.control.engine.relay_ws import NORMAL, Ending, SideEnded
from zpack.control.outside.upgrade import NotSwitched, upgraded
from zpack.wire.console import MAX_FRAME
from zpack.wire.problem import CLOSE, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.engine.relay_ws import ClientSide
    from zpack.control.outside.upgrade import Joined
    from zpack.wire.problem import Kind

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
PASSED_ON: tuple[Kind, ...] = ("conflict", "limit", "unavailable")
"""What an agent may answer to the upgrade that says something to the person who asked."""
RESTARTING = 1012
CODE_BYTES = 2
TO_PEOPLE = RELAYED["socket", "out"]
WHO = "the agent"


class _Connection(asyncio.Protocol):
    """What the agent says goes straight on; what cannot go on is held, and nothing more is read meanwhile."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.heard_at = time.monotonic()
        self.gone = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.ending: Ending | None = None
        self.pass_on: Callable[[bytes], bool] = _not_yet
        self._transport = transport
        self._frames = ServerFrames(most=MAX_FRAME)
        self._held: list[bytes] = []
        self._news: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        TO_PEOPLE.size += len(data)
        try:
            for part in self._frames.feed(data):
                if isinstance(part, bytes):
                    if self._held or not self.pass_on(part):
                        self._hold(part)
                elif part.opcode == PING:
                    self._answer(part.body)
                elif part.opcode == GOODBYE:
                    self._end(_believed(part.body))
        except BadFrames:
            self._end(_believed(b""))
            self._transport.abort()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._end(_believed(b""))
        self.gone.set()
        self.writable.set()

    async def held(self) -> bytes:
        """Return what could not go on at once, as soon as there is any. Raises SideEnded."""
        if not self._held and self.ending is None:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        if not self._held and self.ending is not None:
            raise SideEnded(self.ending)
        frames, self._held = b"".join(self._held), []
        return frames

    def _hold(self, frames: bytes) -> None:
        self._held.append(frames)
        self._transport.pause_reading()
        self._tell()

    def _end(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _answer(self, body: bytes) -> None:
        """Answer a ping, unless the agent does not even take what it was sent before."""
        if self.writable.is_set() and not self._transport.is_closing():
            self._transport.write(Frame(Opcode.PONG, body).serialize(mask=True))


class AgentSide:
    """One agent's console socket."""

    def __init__(self, joined: Joined) -> None:
        self.stuck_since: float | None = None
        self._transport = joined.transport
        self._first = joined.first
        self._connection = _Connection(joined.transport)
        joined.transport.set_protocol(self._connection)

    @property
    def heard_at(self) -> float:
        """When it last said something while it was listened to, on the monotonic clock."""
        return self._connection.heard_at

    async def speak(self, client: ClientSide) -> None:
        """Pass on what the agent says until it ends. Raises SideEnded."""
        connection = self._connection
        connection.pass_on = client.at_once
        first, self._first = self._first, b""
        if first:
            connection.data_received(first)
        self._transport.resume_reading()
        while True:
            frames = await connection.held()
            self.stuck_since = time.monotonic()
            await client.tell(frames)
            self.stuck_since, connection.heard_at = None, time.monotonic()
            self._transport.resume_reading()

    async def send(self, message: str | bytes) -> None:
        """Send one. Raises SideEnded."""
        is_text = isinstance(message, str)
        frame = Frame(Opcode.TEXT, message.encode()) if is_text else Frame(Opcode.BINARY, message)
        await self._connection.writable.wait()
        if self._connection.ending is not None:
            raise SideEnded(self._connection.ending)
        self._transport.write(frame.serialize(mask=True))

    async def close(self, ending: Ending) -> None:
        """Say goodbye, and do not wait long for an answer."""
        connection = self._connection
        if not self._transport.is_closing():
            body = Close(NORMAL, ending.reason[:100]).serialize()
            self._transport.write(Frame(Opcode.CLOSE, body).serialize(mask=True))
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.gone.wait()
        except TimeoutError:
            self._transport.abort()


class AgentConsoles:
    """Opens console sockets, each on a connection of its own."""

    def __init__(self, *, port: int) -> None:
        self._port = port

    async def open(self, ip: str, token: str, vmid: int, *, protocol: str | None, after: int) -> AgentSide:
        """Connect to one agent's console. Raises ForeignError, SideEnded when it refuses with a reason."""
        query = urlencode({"serverId": vmid, "after": after})
        headers = [
            ("Host", f"{ip}:{self._port}"),
            ("Authorization", f"Bearer {token}"),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", base64.b64encode(secrets.token_bytes(16)).decode()),
        ]
        if protocol:
            headers.append(("sec-websocket-protocol", protocol))
        at, target = (ip, self._port), f"/console/stream?{query}"
        try:
            joined = await upgraded(at, target, headers, who=WHO, seconds=OPEN_SECONDS)
        except NotSwitched as answer:
            for kind in PASSED_ON:
                if answer.status == STATUS[kind]:
                    raise SideEnded(Ending(CLOSE[kind], "agent_refused")) from answer
            raise ForeignError(f"{WHO} {answer}", transient=False, status=answer.status) from answer
        told = {name.lower(): value for name, value in joined.headers}
        if protocol and told.get("sec-websocket-protocol") != protocol:
            joined.transport.abort()
            raise ForeignError(f"{WHO} speaks another console protocol", transient=False)
        return AgentSide(joined)

    async def close(self) -> None:
        """Do nothing: every connection is its stream's own."""


def _not_yet(frames: bytes) -> bool:
    """Take nothing: nobody listens yet."""
    del frames
    return False


def _believed(goodbye: bytes) -> Ending:
    """Say how the agent ended it; of its own codes only a normal end and a restart are believed."""
    code = int.from_bytes(goodbye[:CODE_BYTES], "big") if goodbye else 0
    if code == NORMAL:
        return Ending(code, "console_ended")
    if code == RESTARTING:
        return Ending(code, "agent_restarting")
    return Ending.of("upstream", "agent_lost")
