"""What Traefik is told of 10,000 servers and how soon it does it, and what its entry points cost.

First the answer of ``GET /internal/traefik/config``: made anew, and unchanged, beside the bare query for the
same rows. Then a real Traefik with 0, 1,000 and 5,000 ports of both protocols, and one that serves 1,000:
from a row's change until Traefik's API shows it, beside its poll of one second and throttle of two.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import asyncpg
import psutil
from aiohttp import web
from tests.support.postgres import fresh_database, migrated_template, postgres
from tests.support.traefik import RealTraefik, own_address, quick

from zpack.control.db.session import Database
from zpack.control.outside.traefik_words import IdeHosts, roads_in, static_config
from zpack.control.routing.actions import Routing
from zpack.control.routing.models import each_port, parse_ranges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SERVERS, FIRST = 10_000, 20_000
POSSIBLE = 1000
"""As many game servers as there are VMIDs for."""
ROUNDS = 20
HOST = own_address()
RANGES = parse_ranges(f"{FIRST}-{FIRST + SERVERS - 1}/udp")
IDE = IdeHosts("ide.example.com", ("http://127.0.0.1:4000",), "web", tls=False)
FILL = """
with servers as (select n from generate_series(0, $1::int - 1) as n),
rows as (
  insert into instances (vmid, customer_id, ctype, hostname, ip, allocated_ports, payload, agent_state)
  select 100000 + n, 'u', 'game', 'luanti-' || (100000 + n), '10.' || n / 65536 || '.' || n / 256 % 256 || '.' || n % 256,
         '{}', '{"game": "luanti", "edge": {"state": "published"}}', 'running' from servers
)
insert into public_ports (protocol, number, vmid, target, operation_id)
select 'udp', $2::int + n, 100000 + n, 30000, 'op' || n from servers
"""
BARE = "select i.hostname, p.protocol, p.number, i.ip, p.target from public_ports p join instances i on i.vmid = p.vmid"
MOVE = "update instances set ip = $1 where vmid = 100000"


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Return the median of some rounds, in milliseconds."""
    times: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await work()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


async def answers(database: Database, plain: asyncpg.Connection[Any]) -> None:
    """Time the document."""
    routing = Routing(database=database, ide=IDE, ranges=RANGES)

    async def anew() -> None:
        await Routing(database=database, ide=IDE, ranges=RANGES).configuration()

    made, same = await timed(anew), await timed(routing.configuration)
    bare = await timed(lambda: plain.fetch(BARE))
    size = len(await routing.configuration()) / 1e6
    print(
        f"document of {SERVERS} servers, {size:.1f} MB: anew {made:.0f} ms, unchanged {same:.1f} ms; bare rows {bare:.0f} ms"
    )


def entry_points(folder: Path) -> None:
    """Start Traefik with more and more ports."""
    for count in (0, 1000, 5000):
        ports = each_port(parse_ranges(f"20000-{19999 + count}/tcp+udp")) if count else ()
        config = quick(static_config(ports, host=HOST, provider={}, ide=IDE), HOST)
        began = time.perf_counter()
        with RealTraefik(folder, config, HOST) as traefik:
            took = time.perf_counter() - began
            resident = psutil.Process(traefik.pid).memory_info().rss / 1e6
        print(
            f"Traefik with {2 * count} entry points: answers after {took:.1f} s, {resident:.0f} MB resident"
        )


async def changes(folder: Path, routing: Routing, plain: asyncpg.Connection[Any], *, patient: bool) -> None:
    """Time the way from a changed row to Traefik's API."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=await routing.configuration(), content_type="application/json")

    app = web.Application()
    app.router.add_get("/internal/traefik/config", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 4000).start()
    provider = {"http": {"endpoint": f"http://{HOST}:4000/internal/traefik/config", "pollInterval": "1s"}}
    ports = each_port(parse_ranges(f"{FIRST}-{FIRST + POSSIBLE - 1}/udp"))
    config = quick(static_config(ports, host=HOST, provider=provider, ide=IDE), HOST)
    if patient:
        config["providers"]["http"]["pollInterval"] = "1s"
        config["providers"]["providersThrottleDuration"] = "2s"
    traefik = RealTraefik(folder, config, HOST)
    await asyncio.to_thread(traefik.start)
    times: list[float] = []
    try:
        for round_ in range(6):
            ip = f"10.99.0.{round_}"
            began = time.perf_counter()
            await plain.execute(MOVE, ip)
            while roads_in(await asyncio.to_thread(traefik.raw), "http").get("luanti-100000", [None])[
                0
            ] is None or (
                roads_in(await asyncio.to_thread(traefik.raw), "http")["luanti-100000"][0].ip != ip
            ):
                await asyncio.sleep(0.05)
            times.append(time.perf_counter() - began)
        resident = psutil.Process(traefik.pid).memory_info().rss / 1e6
    finally:
        traefik.stop()
        await runner.cleanup()
    word = "with its own patience (1 s, 2 s)" if patient else "poll 0.2 s, throttle 0.1 s"
    print(
        f"a change among {POSSIBLE} until Traefik shows it, {word}: median {statistics.median(times[1:]):.1f} s, {resident:.0f} MB"
    )


async def main(folder: Path, url: str) -> None:
    """Print every figure."""
    plain = await asyncpg.connect(url)
    database = Database(url)
    await plain.execute(FILL, SERVERS, FIRST)
    await plain.execute("analyze")
    await answers(database, plain)
    await asyncio.to_thread(entry_points, folder)
    await plain.execute("delete from public_ports where number >= $1", FIRST + POSSIBLE)
    routing = Routing(database=database, ide=IDE, ranges=parse_ranges(f"{FIRST}-{FIRST + POSSIBLE - 1}/udp"))
    for patient in (False, True):
        await changes(folder, routing, plain, patient=patient)
    await plain.close()
    await database.close()


if __name__ == "__main__":
    print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as place, postgres(Path(place) / "pg") as server:
        (Path(place) / "traefik").mkdir()
        with fresh_database(server, migrated_template(server)) as made:
            asyncio.run(main(Path(place) / "traefik", made))
