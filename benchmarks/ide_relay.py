"""What the IDE's relay adds to a WebSocket: direct, through control, and through configurable-http-proxy.

Control and the yardstick are one process each; the echo and the client, raw sockets without a library, are this
one. Echo of 128 bytes one at a time, by turns through all three; then 64 KiB binary messages towards the
client, then idle sockets.

    python benchmarks/ide_relay.py [--echoes 3000] [--megabytes 256] [--idle 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

import aiohttp
import psutil
import psycopg
import uvloop
from benchmarks.support.ground import Ground, ended, ground, program, ready_line
from tests.support.ports import free_port

from zpack.artifacts.node import find_node
from zpack.artifacts.npm_install import npm_ci
from zpack.artifacts.progress import SilentProgress
from zpack.control.accounts.auth import Tokens, ide_claims
from zpack.control.ide.models import COOKIE
from zpack.lifetime import allow_many_connections

if TYPE_CHECKING:
    from collections.abc import Sequence

CHP = Path(__file__).parent.parent / "tests" / "node" / "chp"
HOST, VMID, IDLE_GOAL_MB = "127.76.0.1", 6000, 30
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
SMALL = b"\x82\xfe\x00\x80" + bytes(4) + bytes(128)
LARGE = b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(65536)
AT_ONCE = 16
BULK = LARGE * AT_ONCE
ROUNDS = 20
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Way = tuple[str, int, str, str]


class Figures(NamedTuple):
    """µs of an echo, and MB/s."""

    p50: float
    p99: float
    rate: float


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Echo small frames; after a ping, send as many large ones as it asks for."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ACCEPT)
    try:
        while True:
            head = await reader.readexactly(2)
            if head[0] == 0x82:
                body = await reader.readexactly(2 + 4 + 128)
                writer.write(b"\x82\x7e" + body[:2] + body[6:])
                continue
            body = await reader.readexactly(4 + 4)
            for _ in range(int.from_bytes(body[4:], "big") // AT_ONCE):
                writer.write(BULK)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        writer.close()


async def opened(host: str, port: int, path: str, cookie: str) -> Connection:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".encode()
        + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + f"\r\nCookie: {cookie}\r\n\r\n".encode()
    )  # fmt: skip
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in head, head
    return reader, writer


async def echoed(connections: Sequence[Connection], count: int) -> list[list[float]]:
    """Return how long each echo took, in µs, of every connection: by turns, so that a busy moment hits all."""
    took: list[list[float]] = [[] for _ in connections]
    for turn in range(ROUNDS + 1):
        for found, (reader, writer) in zip(took, connections, strict=True):
            for _ in range(count // ROUNDS):
                began = time.perf_counter()
                writer.write(SMALL)
                await reader.readexactly(4 + 128)
                if turn:
                    found.append((time.perf_counter() - began) * 1e6)
    return took


class Sink(asyncio.BufferedProtocol):
    """Takes bytes and forgets them, so that the relay is measured and not its client."""

    def __init__(self, size: int) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._left = size
        self._buffer = bytearray(1 << 20)

    def get_buffer(self, sizehint: int) -> bytearray:
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._left -= nbytes
        if self._left <= 0 and not self.done.done():
            self.done.set_result(None)


async def streamed(writer: asyncio.StreamWriter, megabytes: int) -> float:
    """Return MB/s towards the client."""
    count = megabytes * 16
    sink = Sink(count * len(LARGE))
    writer.transport.set_protocol(sink)
    began = time.perf_counter()
    writer.transport.write(b"\x89\x84" + bytes(4) + count.to_bytes(4, "big"))
    await sink.done
    return megabytes * 1.048576 / (time.perf_counter() - began)


async def measured(ways: dict[str, Way], words: argparse.Namespace) -> dict[str, Figures]:
    """Measure an echo and a stream of every way, and print them beside the first."""
    connections = [await opened(*at) for at in ways.values()]
    figures: dict[str, Figures] = {}
    for name, took, connection in zip(
        ways, await echoed(connections, words.echoes), connections, strict=True
    ):
        cut, rate = statistics.quantiles(took, n=100), await streamed(connection[1], words.megabytes)
        connection[1].close()
        figures[name] = Figures(cut[49], cut[98], rate)
        direct, own = next(iter(figures.values())), figures[name]
        print(
            f"{name:24} echo p50 {own.p50:6.0f} µs, p99 {own.p99:7.0f} µs; added {own.p50 - direct.p50:6.0f} and"
            f" {own.p99 - direct.p99:7.0f} µs; {rate:6.0f} MB/s",
            flush=True,
        )
    return figures


async def idle(at: Way, process: psutil.Process, count: int) -> float:
    """Return the memory in MB that idle sockets cost."""
    held = [await opened(*at)]
    before = process.memory_info().rss
    held += [await opened(*at) for _ in range(count - 1)]
    await asyncio.sleep(2)
    cost = (process.memory_info().rss - before) / 1e6
    for _, writer in held:
        writer.close()
    return cost


def cookie_for(where: Ground) -> str:
    """Make an owner and a dev container; return the cookie of its tunnel."""
    with psycopg.connect(where.database) as rows:
        rows.execute(
            "insert into users (id, email, username, role, password_hash) values ('usr_1', 'a@b', 'a', 'user', '')"
        )
        rows.execute(
            "insert into login_sessions (id, user_id, address, user_agent, expires_at)"
            " values ('ses_1', 'usr_1', '', '', now() + interval '1 hour')"
        )
        rows.execute(
            "insert into instances (vmid, customer_id, ctype, hostname, ip, allocated_ports, payload, agent_state,"
            " crash_count) values (%s, 'usr_1', 'dev', 'dev-6000', %s, '{}', '{}', 'running', 0)",
            (VMID, HOST),
        )
    secrets = (where.environment["API_AUTH_SECRET"],)
    tokens = Tokens(kind="ide_cookie", secrets=secrets, life=timedelta(hours=1))
    claims = ide_claims("ses_1", VMID) | {"at": "tunnel"}
    return f"{COOKIE}={tokens.issue('usr_1', **claims)}"


async def compare(
    control: psutil.Process, ports: tuple[int, int, int, int], cookie: str, words: argparse.Namespace
) -> int:
    port, upstream, chp, api = ports
    allow_many_connections()
    server = await asyncio.start_server(echo, HOST, upstream, limit=1 << 20, backlog=1024)
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            try:
                route = f"http://127.0.0.1:{api}/api/routes/ide"
                async with session.post(route, json={"target": f"http://{HOST}:{upstream}"}) as answer:
                    assert answer.status == 201
                    break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    through = ("127.0.0.1", port, f"/__ide/{VMID}/ws", cookie)
    ways: dict[str, Way] = {
        "direct": (HOST, upstream, "/ws", "a=b"),
        "through zpack": through,
        "configurable-http-proxy": ("127.0.0.1", chp, "/ide/ws", "a=b"),
    }
    _, ours, theirs = (await measured(ways, words)).values()
    cost = await idle(through, control, words.idle)
    print(f"{words.idle:,} idle sockets: {cost:.1f} MB in control (goal {IDLE_GOAL_MB})", flush=True)
    server.close()
    better = ours.p50 < theirs.p50 and ours.p99 < theirs.p99 and ours.rate > theirs.rate
    return 0 if better and cost <= IDLE_GOAL_MB else 1


def main() -> int:
    """Start everything, measure, end everything; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--echoes", type=int, default=3000)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--idle", type=int, default=1000)
    words = parser.parse_args()
    tools = find_node()
    if not (CHP / "node_modules").exists():
        npm_ci(CHP, tools=tools, stage="install the yardstick", progress=SilentProgress())
    port, upstream, chp, api = (free_port() for _ in range(4))
    script = CHP / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where:
            cookie = cookie_for(where)
            own = {"PORT": str(port), "ZLH_CODE_SERVER_PORT": str(upstream)}
            control = program("zpack.control", "serve", environment=where.environment | own)
            yardstick = subprocess.Popen(
                [str(tools.node), str(script), "--ip", "127.0.0.1", "--port", str(chp), "--api-port", str(api),
                 "--log-level", "error", "--no-prepend-path", "--no-include-prefix"],
                env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": ""},
            )  # fmt: skip
            try:
                ready_line(control)
                return uvloop.run(
                    compare(psutil.Process(control.pid), (port, upstream, chp, api), cookie, words)
                )
            finally:
                yardstick.terminate()
                yardstick.wait()
                ended(control)


if __name__ == "__main__":
    sys.exit(main())
