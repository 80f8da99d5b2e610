"""A real Traefik in the fault matrix: all goes wrong on its way to what we tell it, or on our way to what it says."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.control.provisioning.counterparts import every_path, serving
from tests.support.faulty_road import FaultyRoad, faulty_road
from tests.support.traefik import RealTraefik, own_address, quick
from zpack.control.db.session import Database
from zpack.control.wiring.traefik import build_routing, traefik_static

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from zpack.control.settings import Settings

LUANTI = {"game": [30000], "public": {"30000": 30000}}
TOKEN = "a provider token for tests"
Served = tuple[FaultyRoad, "Callable[[], dict[str, str]]", dict[str, Any]]


@asynccontextmanager
async def traefik_s_provider(settings: Settings, folder: Path) -> AsyncIterator[Served]:
    """Traefik fetches what it shall do over the road."""
    async with routing(settings) as upstream, faulty_road(upstream) as road:
        with traefik(settings, folder, upstream=road.url) as (real, told):
            yield road, lambda: held(real), told


@asynccontextmanager
async def traefik_s_answers(settings: Settings, folder: Path) -> AsyncIterator[Served]:
    """Traefik is asked over the road what it does."""
    async with routing(settings) as upstream:
        with traefik(settings, folder, upstream=upstream) as (real, told):
            async with faulty_road(real.url) as road:
                yield road, lambda: held(real), told | {"traefik_api_url": road.url}


@asynccontextmanager
async def traefik_s_files(_settings: Settings, folder: Path) -> AsyncIterator[Served]:
    """A directory that a Traefik would read."""
    directory = folder / "dynamic"
    directory.mkdir()

    def held() -> dict[str, str]:
        found: dict[str, str] = {}
        for file in directory.glob("zpack-server-*.yml"):
            for name, service in json.loads(file.read_text())["udp"]["services"].items():
                [server] = service["loadBalancer"]["servers"]
                found[f"udp/{name.rpartition('_')[2]}"] = server["address"]
        return found

    yield FaultyRoad(""), held, {"port_ranges": "30000/udp", "traefik_dynamic_dir": directory}


@asynccontextmanager
async def routing(settings: Settings) -> AsyncIterator[str]:
    """Serve what the rows make of Traefik's configuration; the road and the token are others' tests."""
    database = Database(settings.database_url.get_secret_value(), connections=2)
    room = build_routing(settings.model_copy(update={"port_ranges": "30000/udp"}), database)

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=await room.configuration(), content_type="application/json")

    async with serving(every_path(answer), "127.0.0.1") as port:
        yield f"http://127.0.0.1:{port}"
    await database.close()


@contextmanager
def traefik(
    settings: Settings, folder: Path, *, upstream: str
) -> Iterator[tuple[RealTraefik, dict[str, Any]]]:
    """Run one that fetches from ``upstream``."""
    host = own_address()
    told = {
        "port_ranges": "30000/udp",
        "traefik_provider_token": TOKEN,
        "traefik_service_urls": upstream,
        "traefik_api_url": f"http://{host}:8099",
    }
    theirs = type(settings).model_validate(settings.model_dump() | told)
    config = quick(traefik_static(theirs, host=host), host)
    config["providers"]["http"] |= {"pollInterval": "100ms", "pollTimeout": "300ms"}
    with RealTraefik(folder, config, host) as real:
        yield real, told


def held(real: RealTraefik) -> dict[str, str]:
    """Return what Traefik does of ours, as its own API has it."""
    raw = real.raw()
    found: dict[str, str] = {}
    for name, router in raw.get("udpRouters", {}).items():
        if name.startswith("zpack_") and router["status"] == "enabled":
            [server] = raw["udpServices"][name]["loadBalancer"]["servers"]
            found |= {point.replace("-", "/"): server["address"] for point in router["entryPoints"]}
    return found
