"""Foreign server, foreign client (npm minecraft-protocol), our edge between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.edge.world import HOST, Door
from tests.node.bots.installed import installed_bots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PEER = Path(__file__).parent / "peer.mjs"
pytestmark = pytest.mark.node


@contextlib.asynccontextmanager
async def node(script: Path, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    tools, _ = await asyncio.to_thread(installed_bots)
    process = await asyncio.create_subprocess_exec(
        str(tools.node), str(script), *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def said(output: asyncio.StreamReader) -> dict[str, Any]:
    """Return the next fact; the library's own chatter shares the stream."""
    async with asyncio.timeout(60):
        line = await output.readline()
        while line and not line.startswith(b"{"):
            line = await output.readline()
    return json.loads(line)


@contextlib.asynccontextmanager
async def foreign_server(door: Door, name: str, version: str) -> AsyncIterator[asyncio.StreamReader]:
    bots = str(installed_bots()[1])
    async with node(PEER, "server", bots, HOST, name, version) as output:
        await door.register(name, (await said(output))["port"])
        yield output


async def join(door: Door, host: str, version: str) -> dict[str, Any]:
    bots = str(installed_bots()[1])
    async with node(PEER, "client", bots, HOST, str(door.port), host, version) as output:
        return await said(output)


@pytest.mark.parametrize("version", ["1.8.8", "1.21.4"])
async def test_foreign_players_land_on_their_own_server(door: Door, version: str) -> None:
    async with foreign_server(door, "mc-a", version) as a, foreign_server(door, "mc-b", version) as b:
        for output, name in ((a, "mc-a"), (b, "mc-b")):
            host = f"{name}.zpack.localhost"
            assert (await join(door, host, version))["event"] == "joined"
            assert await said(output) == {"player": "Visitor", "serverHost": host}


async def test_a_foreign_client_pings_by_name(door: Door) -> None:
    ping = installed_bots()[1] / "ping.mjs"
    where = ["--host", HOST, "--port", str(door.port), "--fake-host", "mc-a.zpack.localhost"]
    async with foreign_server(door, "mc-a", "1.21.4"), node(ping, *where) as output:
        assert (await said(output))["players"]["max"] == 3


async def test_a_foreign_client_reads_the_refusal(door: Door) -> None:
    answer = await join(door, "nobody.zpack.localhost", "1.21.4")
    assert answer["event"] == "refused"
    assert "no server" in answer["reason"]
