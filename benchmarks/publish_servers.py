"""Publish and unpublish 500 servers on every link: calls, seconds, beside the bare calls and the providers' limits.

The rows, PostgreSQL, the edge and the simulated OPNsense are real processes; the control plane's publishing room runs
here, a few servers at a time, as workflows would.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.support.ground import ended, game_proxy, ground, program, ready_line
from fakeredis import FakeAsyncRedis, FakeServer

from zpack.control.instances import store
from zpack.control.outside.http import ForeignHttp
from zpack.control.settings import read_settings
from zpack.control.wiring import build_clients, build_publishing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from zpack.control.publishing.actions import Publishing
    from zpack.control.wiring import Clients

SERVERS, AT_ONCE = 500, 8
LIMITS = {"cloudflare": 1200 / 300}
"""Calls a second that a provider lets one token make: Cloudflare's 1,200 in five minutes."""
KINDS = {"velocity": ("minecraft", 5000), "opnsense": ("rust", 5500)}


class Counted:
    """Counts the calls of every foreign session."""

    def __init__(self) -> None:
        self.calls = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        inner = ForeignHttp.request

        async def request(session: ForeignHttp, *args: Any, **more: Any) -> Any:
            self.calls += 1
            return await inner(session, *args, **more)

        ForeignHttp.request = request
        yield
        ForeignHttp.request = inner


async def each(work: Callable[[int], Awaitable[Any]], first: int) -> float:
    """Do work for every server, a few at a time; return the seconds."""
    gate, began = asyncio.Semaphore(AT_ONCE), time.perf_counter()

    async def one(vmid: int) -> None:
        async with gate:
            await work(vmid)

    await asyncio.gather(*(one(vmid) for vmid in range(first, first + SERVERS)))
    return time.perf_counter() - began


async def add_rows(clients: Clients) -> None:
    for game, first in KINDS.values():
        async with clients.database.transaction() as session:
            for vmid in range(first, first + SERVERS):
                ports = {"game": [28015], "public": {"28015": 20000 + vmid}} if game == "rust" else {}
                await store.insert_instance(
                    session, vmid=vmid, customer_id=None, ctype="game", hostname=f"{game}-{vmid}",
                    ip=f"127.90.{vmid >> 8}.{vmid & 255}", allocated_ports=ports, payload={"game": game},
                    agent_state="running",
                )  # fmt: skip


async def measure(clients: Clients, publishing: Publishing) -> None:
    await add_rows(clients)
    counted = Counted()
    with counted.counting():
        for link, (game, first) in KINDS.items():

            async def off(vmid: int, game: str = game) -> None:
                await publishing.unpublish(vmid=vmid, hostname=f"{game}-{vmid}")

            for name, work in (("publish", lambda vmid: publishing.publish(vmid=vmid)), ("unpublish", off)):
                counted.calls = 0
                seconds = await each(work, first)
                told(link, name, counted.calls, seconds)


def told(link: str, name: str, calls: int, seconds: float) -> None:
    least = calls / LIMITS["cloudflare"]
    print(
        f"{link}: {name} of {SERVERS} servers: {calls} calls, {seconds:.1f} s ({SERVERS / seconds:.0f} servers/s); "
        f"as many calls at Cloudflare's limit would take {least:.0f} s"
    )


def main() -> int:
    """Print the figures."""
    with (
        tempfile.TemporaryDirectory(prefix="zpack-bench-") as name,
        ground(Path(name)) as found,
        game_proxy(Path(name), "http://127.0.0.1:9") as proxy,
    ):
        router = program("zpack.simulate.command", "opnsense", "--port", "0", "--key", "k", "--secret", "s")
        told_url = ready_line(router)["url"]
        own = {"OPNSENSE_API_URL": told_url, "OPNSENSE_API_KEY": "k", "OPNSENSE_API_SECRET": "s"}
        os.environ.update(found.environment | proxy | own | {"OPNSENSE_PUBLISH": "1"})
        try:
            asyncio.run(run())
        finally:
            ended(router)
    return 0


async def run() -> None:
    settings = read_settings()
    clients = build_clients(settings, FakeAsyncRedis(server=FakeServer(), decode_responses=True))
    await measure(clients, build_publishing(settings, clients))
    await clients.close()


if __name__ == "__main__":
    sys.exit(main())
