"""What a customer's page asks, while one process of zpack polls 2,000 agents every 5 s.

First ``GET /api/servers`` of an owner of 1,000 servers, one request after another, beside the bare query for
the same rows. Then 350 status reads a second, sent when they are due whether or not earlier ones have been
answered and timed from then, beside ``/api/health`` at the same rate. The API and its worker are one process,
alone on core 0, with PostgreSQL, Redis and a real edge; everything else is on core 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

import aiohttp
import asyncpg
import psutil
from benchmarks.support.ground import (
    Ground,
    agents,
    ended,
    game_proxy,
    ground,
    program,
    ready_line,
    vmid_of,
)
from tests.support.http import Caller
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen

AGENTS, OWNED = 2000, 1000
RATE, SECONDS, WARM_SECONDS = 350, 30.0, 20.0
LISTS = 200
MIB = 1024 * 1024
SAME_ROWS = (
    "select vmid, hostname, ip, payload::text from instances where customer_id = $1 order by created_at"
)


def spread(times: list[float]) -> str:
    """Return p50, p95 and p99 of seconds, in milliseconds."""
    cut = statistics.quantiles(times, n=100)
    return f"p50 {cut[49] * 1e3:5.1f} ms, p95 {cut[94] * 1e3:5.1f} ms, p99 {cut[98] * 1e3:5.1f} ms"


async def lists(base: str, token: str) -> list[float]:
    """Ask for the list again and again."""
    times: list[float] = []
    async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {token}"}) as session:
        for _ in range(LISTS):
            began = time.perf_counter()
            async with session.get("/api/servers") as answer:
                body = await answer.read()
            times.append(time.perf_counter() - began)
    shown = json.loads(body)["servers"]
    connectable = sum(server["connection"]["connectable"] for server in shown)
    print(f"{connectable} of {len(shown)} servers are connectable; the list has {len(body) / MIB:.1f} MiB")
    return times


async def bare_rows(database: str, owner: str) -> list[float]:
    """Read the same rows and nothing else."""
    times: list[float] = []
    connection = await asyncpg.connect(database)
    for _ in range(LISTS):
        began = time.perf_counter()
        assert len(await connection.fetch(SAME_ROWS, owner)) == OWNED
        times.append(time.perf_counter() - began)
    await connection.close()
    return times


async def at_rate(base: str, token: str, path: Callable[[], str]) -> list[float]:
    """Send RATE requests a second; return what each took from the moment it was due."""
    times: list[float] = []
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(base, headers=headers, connector=connector) as session:

        async def ask(due: float) -> None:
            async with session.get(path()) as answer:
                await answer.read()
                assert answer.status == 200, answer.status
            times.append(time.perf_counter() - due)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as asking:
            for number in range(int(RATE * SECONDS)):
                due = began + number / RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                asking.create_task(ask(due))
    return times


async def measure(where: Ground, base: str, control: Popen[str]) -> None:
    """Print all of it."""
    process = psutil.Process(control.pid)
    async with Caller(base) as anyone, await anyone.registered("ann") as ann:
        owner = (await ann.get("/api/auth/me")).body["user"]["id"]
        assert ann.token is not None
        where.add_servers(owner, range(1, OWNED + 1))
        where.add_servers(None, range(OWNED + 1, AGENTS + 1))
        await asyncio.sleep(WARM_SECONDS)
        print(f"GET /api/servers, {OWNED:,} servers    {spread(await lists(base, ann.token))}")
        print(f"bare query for the same rows      {spread(await bare_rows(where.database, owner))}")

        def one() -> str:
            return f"/api/servers/{vmid_of(random.randint(1, OWNED))}/status"

        for name, path in (("status reads", one), ("/api/health", lambda: "/api/health")):
            used = process.cpu_times()
            times = await at_rate(base, ann.token, path)
            now = process.cpu_times()
            share = (now.user + now.system - used.user - used.system) / SECONDS
            print(f"{RATE} {name}/s{' ' * (24 - len(name))} {spread(times)}; {share:.0%} of one core")
        print(f"control: {process.memory_info().rss / MIB:.0f} MiB resident")


def main() -> None:
    """Start everything, measure, end everything."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # what is started from here is there too
    port = free_port()
    api = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where, agents(AGENTS), game_proxy(Path(folder), api) as proxy:
            settings = where.environment | proxy | {"PORT": str(port)}
            control = program("zpack.control", "serve", "--embedded", environment=settings)
            try:
                os.sched_setaffinity(control.pid, {min(os.sched_getaffinity(os.getppid()))})
                ready_line(control)
                asyncio.run(measure(where, api, control))
            finally:
                ended(control)


if __name__ == "__main__":
    main()
