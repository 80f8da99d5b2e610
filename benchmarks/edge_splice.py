"""What the edge costs: throughput and round trips, direct and through it. Ends by itself within a minute.

python benchmarks/edge_splice.py [--megabytes 200] [--round-trips 2000] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from zpack.wire import minecraft as mc
from zpack.wire.edge import SECRET_HEADER, hashed_secret

HOST = "127.81.251.1"
SECRET = "benchmark"
GREETING = b"hello\n"
CHUNK = 64 * 1024
LIMIT_SECONDS = 60


async def game(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, then do what the login's name says: send a number of bytes, or repeat what comes."""
    data = await reader.read(4096)
    opening = mc.parse_opening(data)
    if not isinstance(opening, mc.Handshake) or opening.next_state != mc.LOGIN:
        writer.close()
        return
    taken = mc.take_frame(data, opening.consumed)
    wish = mc.parse_login_start(taken[0]) if taken else "0"
    writer.write(GREETING)
    if wish == "echo":
        while data := await reader.read(4096):
            writer.write(data)
    else:
        for _ in range(int(wish)):
            writer.write(bytes(CHUNK))
            await writer.drain()
    writer.close()


async def join(port: int, wish: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, port, limit=4 * 1024 * 1024)
    writer.write(mc.handshake(host="mc-bench", port=port, next_state=mc.LOGIN) + mc.login_start(wish))
    await reader.readexactly(len(GREETING))
    return reader, writer


async def megabytes_per_second(port: int, megabytes: int) -> float:
    chunks = megabytes * 1024 * 1024 // CHUNK
    reader, writer = await join(port, str(chunks))
    begun, got = time.perf_counter(), 0
    while data := await reader.read(1 << 20):
        got += len(data)
    writer.close()
    assert got == chunks * CHUNK
    return got / (1024 * 1024) / (time.perf_counter() - begun)


async def round_trips(port: int, count: int) -> list[float]:
    reader, writer = await join(port, "echo")
    times: list[float] = []
    for _ in range(count):
        begun = time.perf_counter()
        writer.write(bytes(64))
        await reader.readexactly(64)
        times.append((time.perf_counter() - begun) * 1e6)
    writer.close()
    return times


async def measure(port: int, options: argparse.Namespace) -> dict[str, float]:
    times = await round_trips(port, options.round_trips)
    begun = time.perf_counter()
    for _ in range(50):
        _, writer = await join(port, "0")
        writer.close()
    joins = (time.perf_counter() - begun) / 50
    return {
        "MB/s": round(await megabytes_per_second(port, options.megabytes), 1),
        "round trip p50 us": round(statistics.median(times), 1),
        "round trip p99 us": round(statistics.quantiles(times, n=100)[98], 1),
        "join ms": round(joins * 1000, 2),
    }


async def edge(home: Path) -> asyncio.subprocess.Process:
    env = {
        "HOST": HOST,
        "EDGE_HOME": str(home),
        "ZPACK_SECRET": SECRET,
        "EDGE_PORT": "0",
        "EDGE_REGISTRY_PORT": "0",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "zpack.edge",
        env={**os.environ, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def register(registry: str, port: int) -> None:
    headers = {SECRET_HEADER: hashed_secret(SECRET)}
    body = {"server_name": "mc-bench", "address": HOST, "port": port}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as http:
        await http.post(f"http://{registry}/zpack/register", json=body)


async def run(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    server = await asyncio.start_server(game, HOST, 0)
    own = server.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        process = await edge(Path(home))
        try:
            assert process.stdout is not None
            ready = json.loads(await process.stdout.readline())
            await register(ready["registry"], own)
            through = int(ready["listen"].rsplit(":", 1)[1])
            return {"direct": await measure(own, options), "through": await measure(through, options)}
        finally:
            process.terminate()
            await process.wait()
            server.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--round-trips", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = asyncio.run(asyncio.wait_for(run(options), LIMIT_SECONDS))
    if options.json:
        print(json.dumps(result))
        return 0
    print(f"{'':20}{'direct':>12}{'through':>12}")
    for name, direct in result["direct"].items():
        print(f"{name:20}{direct:>12}{result['through'][name]:>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
