"""Prometheus' discovery with 10,000 targets: time and bytes of the list, while others ask for something else.

Beside it the bare query for the same rows and the bare query with the same JSON made of it, in this process;
and what a request to ``/api/health`` waits for while the list is made, beside what it waits for otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

import aiohttp
import asyncpg
import orjson
from benchmarks.support.ground import Ground, ended, ground, program, ready_line
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TARGETS, ROUNDS = 10_000, 40
TOKEN = "a token for this benchmark alone"
ROWS = (
    "select vmid, hostname, ctype, ip, payload ->> 'game', payload ->> 'variant' from instances order by vmid"
)


def spread(name: str, times: list[float], more: str = "") -> None:
    """Print p50, p95 and the most of seconds, in milliseconds."""
    cut = statistics.quantiles(times, n=20)
    print(
        f"{name:<44} p50 {cut[9] * 1e3:6.1f} ms, p95 {cut[18] * 1e3:6.1f} ms, most {max(times) * 1e3:6.1f} ms{more}"
    )


async def timed(what: Callable[[], Awaitable[object]]) -> list[float]:
    """Do something again and again; return what each took."""
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await what()
        times.append(time.perf_counter() - began)
    return times


async def measure(where: Ground, base: str) -> None:
    """Print all of it."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    connection = await asyncpg.connect(where.database)

    async def bare_query() -> list[asyncpg.Record]:
        return await connection.fetch(ROWS)

    async def bare_json() -> bytes:
        return orjson.dumps(
            [
                {
                    "targets": [f"{ip}:12345"],
                    "labels": {
                        "vmid": str(v),
                        "instance": name,
                        "container_type": c,
                        "game": g,
                        "variant": va,
                    },
                }
                for v, name, c, ip, g, va in await bare_query()
            ]
        )

    async with aiohttp.ClientSession(base) as session:

        async def listed(path: str) -> bytes:
            async with session.get(path, headers=bearer) as answer:
                assert answer.status == 200, answer.status
                return await answer.read()

        async def health() -> None:
            async with session.get("/api/health") as answer:
                await answer.read()

        spread(f"bare query, {TARGETS:,} rows", await timed(bare_query))
        spread("bare query and JSON", await timed(bare_json), f"; {len(await bare_json()) / 1e6:.2f} MB")
        for path in ("/sd/containers", "/sd/exporters"):
            body = await listed(path)
            assert len(orjson.loads(body)) == TARGETS
            spread(f"GET {path}", await timed(lambda path=path: listed(path)), f"; {len(body) / 1e6:.2f} MB")
        spread("GET /api/health, alone", await timed(health))
        lists = asyncio.create_task(timed(lambda: listed("/sd/containers")))
        beside: list[float] = []
        while not lists.done():
            beside += await timed(health)
        spread("GET /api/health, while the list is asked for", beside)
        await lists
    await connection.close()


def main() -> None:
    """Start everything, measure, end everything."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where:
            where.add_servers(None, range(1, TARGETS + 1))
            settings = where.environment | {"PORT": str(port), "PROM_SD_TOKEN": TOKEN}
            control = program("zpack.control", "serve", environment=settings)
            try:
                ready_line(control)
                asyncio.run(measure(where, f"http://127.0.0.1:{port}"))
            finally:
                ended(control)


if __name__ == "__main__":
    main()
