"""The console socket of an agent: hostile ground, as everything of the agent's (contract §4.4, row S110)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp

from zpack.control.engine.errors import ForeignError
from zpack.control.engine.relay_ws import Ending, SideEnded
from zpack.wire.console import MAX_FRAME
from zpack.wire.problem import CLOSE, STATUS

if TYPE_CHECKING:
    from types import SimpleNamespace

    from zpack.wire.problem import Kind

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
PASSED_ON: tuple[Kind, ...] = ("conflict", "limit", "unavailable")
"""What an agent may answer to the upgrade that says something to the person who asked."""


class AgentSide:
    """One agent's console socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.heard_at = time.monotonic()
        self._socket = socket

    async def receive(self) -> str | bytes:
        """Return the next text frame; its pings are answered on the way. Raises SideEnded."""
        while True:
            message = await self._socket.receive()
            self.heard_at = time.monotonic()
            if message.type is aiohttp.WSMsgType.TEXT:
                return message.data
            if message.type is aiohttp.WSMsgType.PING:
                await self._answer(message.data)
            elif message.type is not aiohttp.WSMsgType.PONG:
                raise SideEnded(self._ending())

    async def send(self, message: str | bytes) -> None:
        """Send one. Raises SideEnded."""
        try:
            if isinstance(message, str):
                await self._socket.send_str(message)
            else:
                await self._socket.send_bytes(message)
        except (OSError, RuntimeError, aiohttp.ClientError) as failure:
            raise SideEnded(self._ending()) from failure

    async def close(self, ending: Ending) -> None:
        """Say goodbye, and do not wait long for an answer."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code=aiohttp.WSCloseCode.OK, message=ending.reason.encode()[:100])
        except (TimeoutError, OSError, RuntimeError, aiohttp.ClientError):
            pass

    async def _answer(self, data: bytes) -> None:
        try:
            await self._socket.pong(data)
        except (OSError, RuntimeError, aiohttp.ClientError) as failure:
            raise SideEnded(self._ending()) from failure

    def _ending(self) -> Ending:
        """Say how the agent ended it; of its own codes only a normal end and a restart are believed."""
        code = self._socket.close_code
        if code == aiohttp.WSCloseCode.OK:
            return Ending(code, "console_ended")
        if code == aiohttp.WSCloseCode.SERVICE_RESTART:
            return Ending(code, "agent_restarting")
        return Ending.of("upstream", "agent_lost")


class AgentConsoles:
    """Opens console sockets, each on a connection of its own."""

    def __init__(self, *, port: int) -> None:
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def open(self, ip: str, token: str, vmid: int, *, protocol: str | None, after: int) -> AgentSide:
        """Connect to one agent's console. Raises ForeignError, SideEnded when it refuses with a reason."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                socket = await self._opened().ws_connect(
                    f"http://{ip}:{self._port}/console/stream",
                    params={"serverId": str(vmid), "after": str(after)},
                    headers={"Authorization": f"Bearer {token}"},
                    protocols=(protocol,) if protocol else (),
                    max_msg_size=MAX_FRAME,
                    autoping=False,
                    compress=0,
                )
        except TimeoutError as failure:
            raise ForeignError(
                "the agent did not answer in time", transient=True, timed_out=True
            ) from failure
        except aiohttp.WSServerHandshakeError as failure:
            for kind in PASSED_ON:
                if failure.status == STATUS[kind]:
                    raise SideEnded(Ending(CLOSE[kind], "agent_refused")) from failure
            message = f"the agent answered {failure.status} to the upgrade"
            raise ForeignError(message, transient=False, status=failure.status) from failure
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            raise ForeignError("the agent's console cannot be reached", transient=True) from failure
        if protocol and socket.protocol != protocol:
            await socket.close()
            raise ForeignError("the agent speaks another console protocol", transient=False)
        return AgentSide(socket)

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            traces = aiohttp.TraceConfig()
            traces.on_request_redirect.append(_refuse_redirect)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[traces],
            )
        return self._session


async def _refuse_redirect(session: aiohttp.ClientSession, context: SimpleNamespace, _: Any) -> None:
    """Stop where ``ws_connect`` would follow: an agent must not send us elsewhere with its bearer."""
    del session, context
    raise ForeignError("the agent redirected its console", transient=False)
