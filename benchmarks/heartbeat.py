"""10,000 agents, three endpoints each every 5 s, polled on one core, beside a bare aiohttp GET loop.

The poller is the product's own, with PostgreSQL and Redis, alone on core 0; everything else is on core 1. The
yardstick asks the same agents the same questions as fast as it can, on the same core, and keeps nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import aiohttp
import uvloop
from benchmarks.support.ground import Ground, address, agents, ended, ground, program, ready_line, vmid_of

from zpack.control.engine.shards import SHARDS
from zpack.control.heartbeat.poller import Heartbeat
from zpack.control.serving import open_redis
from zpack.control.settings import read_settings
from zpack.control.wiring import build_clients, build_stores
from zpack.lifetime import allow_many_connections, collect_rarely, follow_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = ("/health", "/ready", "/status")
EVERY = 5.0
WARM_SECONDS, SECONDS = 15.0, 20.0
AT_ONCE = 256


def say(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)


async def product(count: int) -> None:
    """Run the product's poller in its rhythm; print what it did."""
    settings = read_settings()
    clients = build_clients(settings, open_redis(settings, embedded=False))
    stores = build_stores(clients)
    poller = Heartbeat(
        database=clients.database, agents=clients.agents, polls=clients.polls, words=stores.words,
        changes=stores.changes, shards=lambda: range(SHARDS), every=EVERY,
    )  # fmt: skip
    collect_rarely()  # as every worker does
    running = asyncio.create_task(poller.run())
    await asyncio.sleep(WARM_SECONDS)
    poller.lateness.clear()
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(SECONDS)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    late = sorted(poller.lateness)
    words = await stores.words.get_many(range(vmid_of(1), vmid_of(count) + 1))
    ready = sum(1 for word in words.values() if word and word.get("ready") is True)
    say({
        "polls": len(late), "seconds": seconds, "cpu": cpu, "ready": ready,
        "p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100],
    })  # fmt: skip
    running.cancel()
    os._exit(0)


async def bare(count: int) -> None:
    """Ask every agent in turn with aiohttp, as fast as it goes; print what it did."""
    polls = 0
    turns = _endless(count)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask() -> None:
            nonlocal polls
            for number in turns:
                for path in PATHS:
                    async with session.get(f"http://{address(number)}:18888{path}") as answer:
                        await answer.json()
                polls += 1

        asking = [asyncio.create_task(ask()) for _ in range(AT_ONCE)]
        await asyncio.sleep(WARM_SECONDS)
        polls, began, cpu = 0, time.monotonic(), time.process_time()
        await asyncio.sleep(SECONDS)
        say({"polls": polls, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu})
        for task in asking:
            task.cancel()
    os._exit(0)


def _endless(count: int) -> Iterator[int]:
    while True:
        yield from range(1, count + 1)


def measured(what: str, count: int, where: Ground) -> dict[str, Any]:
    """Run one of the two on core 0."""
    words = ["--role", what, "--agents", str(count)]
    process = program("benchmarks.heartbeat", *words, environment=where.environment)
    try:
        return ready_line(process)
    finally:
        ended(process)


def main() -> None:
    """Print both, side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--role", choices=["product", "bare"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        follow_parent()
        allow_many_connections()
        os.sched_setaffinity(0, {0})
        uvloop.run((product if given.role == "product" else bare)(given.agents))
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # what is started from here is there too
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where, agents(given.agents):
            where.add_servers(None, range(1, given.agents + 1))
            ours = measured("product", given.agents, where)
            yardstick = measured("bare", given.agents, where)
    wanted = given.agents / EVERY
    print(
        f"{given.agents:,} agents, {len(PATHS)} endpoints every {EVERY:.0f} s: {wanted:,.0f} polls/s wanted"
    )
    for name, found in (("zpack poller", ours), ("bare aiohttp loop", yardstick)):
        rate = found["polls"] / found["seconds"]
        each = found["cpu"] / found["polls"] * 1e6
        share = found["cpu"] / found["seconds"]
        print(f"{name:18} {rate:7,.0f} polls/s  {each:6.0f} µs CPU per poll  {share:4.0%} of one core")
    print(f"{'zpack poller':18} lateness p50 {ours['p50'] * 1e3:.1f} ms, p99 {ours['p99'] * 1e3:.1f} ms;"
          f" {ours['ready']:,} agents ready in Redis")  # fmt: skip


if __name__ == "__main__":
    main()
