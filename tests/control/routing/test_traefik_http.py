"""A real Traefik that fetches its configuration from a real control plane, with real games behind it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import text

from tests.control.conftest import served
from tests.control.provisioning.counterparts import address_of
from tests.control.provisioning.world import run
from tests.control.routing.conftest import TOKEN
from tests.control.routing.games import asked
from tests.node.bots.installed import installed_bots
from tests.support.luanti import luanti, pinged
from tests.support.ports import free_port
from tests.support.traefik import RealTraefik, own_address, quick
from tests.support.waiting import eventually
from zpack.control.app import create_app
from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.models import Endpoint, Place
from zpack.control.publishing.traefik import TraefikLink
from zpack.control.wiring.traefik import build_traefik, traefik_static

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from zpack.control.settings import Settings
    from zpack.control.wiring import Api

HOST = own_address()
PEER = Path(__file__).parent / "peer.mjs"


@dataclass
class Edge:
    """Traefik, and the application it asks, which comes and goes."""

    traefik: RealTraefik
    app: Any
    port: int
    running: AsyncExitStack

    async def control_up(self) -> None:
        await self.running.enter_async_context(served(self.app, port=self.port))

    async def control_down(self) -> None:
        await self.running.aclose()


@pytest.fixture(scope="module")
def control_port() -> int:
    return free_port()


@pytest.fixture
def extra(others: Counterparts, control_port: int) -> dict[str, Any]:
    return {
        **others.settings,
        "port_ranges": "30000-30001/udp,7777/tcp",
        "traefik_provider_token": TOKEN,
        "traefik_api_url": f"http://{HOST}:8099",
        "traefik_service_urls": f"http://127.0.0.1:{control_port}",
    }


@pytest.fixture
async def edge(settings: Settings, api: Api, control_port: int, tmp_path: Path) -> AsyncIterator[Edge]:
    async def ready() -> dict[str, str]:
        return {}

    app = create_app(api, ready=ready, cors_origins=())
    config = quick(traefik_static(settings, host=HOST), HOST)
    with RealTraefik(tmp_path, config, HOST) as traefik:
        made = Edge(traefik, app, control_port, AsyncExitStack())
        await made.control_up()
        yield made
        await made.control_down()


@pytest.fixture
def games(tmp_path: Path) -> Iterator[list[Any]]:
    """Run Luanti in the containers of two servers."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(luanti(tmp_path / str(vmid), address_of(vmid), 30000))
            for vmid in (5000, 5001)
        ]


async def test_two_luanti_servers_each_by_its_own_port(world: World, edge: Edge, games: list[Any]) -> None:
    assert not await pinged(HOST, 30000)
    for vmid in (5000, 5001):
        await run(world.create, asked("luanti", vmid))
    said = (await world.row(5001)).payload["edge"]["traefik"]
    assert (said["verified"], said["routers"], said["entryPoints"]) == (
        True, ["zpack_luanti-5001_30001@http"], ["udp-30001"],
    )  # fmt: skip
    for port in (30000, 30001):
        await eventually(lambda port=port: pinged(HOST, port), what=f"an answer of {port}")
    games[0].kill()
    await eventually(lambda: _silent(30000), what="silence of the one that died")
    assert await pinged(HOST, 30001)


async def _silent(port: int) -> bool:
    return not await pinged(HOST, port)


async def test_routes_outlive_control_and_come_back_with_traefik(
    world: World, edge: Edge, games: list[Any]
) -> None:
    del games
    await run(world.create, asked("luanti", 5000))
    await eventually(lambda: pinged(HOST, 30000))
    await edge.control_down()
    assert await pinged(HOST, 30000)
    edge.traefik.stop()
    await edge.control_up()
    edge.traefik.start()
    await eventually(lambda: pinged(HOST, 30000), what="the way back")


async def test_a_deleted_server_is_reached_no_more(world: World, edge: Edge, games: list[Any]) -> None:
    del games
    state = await run(world.create, asked("luanti", 5000))
    await eventually(lambda: pinged(HOST, 30000))
    await run(world.delete[:2], {**state, "operation_id": "op_delete"})
    assert not await pinged(HOST, 30000)
    said = (await world.row(5000)).payload["edge"]
    assert (said["state"], said["traefik"]["verified"]) == ("unpublished", True)


async def test_a_suspended_server_is_reached_no_more(world: World, edge: Edge, games: list[Any]) -> None:
    del games
    await run(world.create, asked("luanti", 5000))
    await eventually(lambda: pinged(HOST, 30000))
    await world.publishing.suspend(vmid=5000, hostname="luanti-5000")
    assert not await pinged(HOST, 30000)


@pytest.mark.node
async def test_a_game_over_tcp(world: World, edge: Edge) -> None:
    await run(world.create, asked("terraria", 5000))
    with _peer("server", address_of(5000), "7777") as server:
        async with asyncio.timeout(60):
            assert json.loads(await (await server).stdout.readline())["listening"]
            with _peer("ping", HOST, "7777") as client:
                answer = json.loads(await (await client).stdout.readline())
    assert answer["motd"] == "behind a door"


@contextmanager
def _peer(*words: str) -> Iterator[Any]:
    """Run npm's minecraft-protocol, whose packets are what goes through."""
    tools, folder = installed_bots()
    made: list[asyncio.subprocess.Process] = []

    async def start() -> asyncio.subprocess.Process:
        command = [str(tools.node), str(PEER), str(folder), *words]
        made.append(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))
        return made[0]

    yield start()
    for process in made:
        if process.returncode is None:
            process.kill()


async def test_what_traefik_cannot_do_is_a_failure_that_says_so(
    settings: Settings, world: World, edge: Edge
) -> None:
    """A port of the ranges that Traefik was never given as an entry point."""
    await run(world.create, asked("luanti", 5000))
    wide = settings.model_copy(update={"port_ranges": "30000-30009/udp"})
    link = build_traefik(wide)[0]
    async with world.clients.database.transaction() as session:
        await session.execute(text("update public_ports set number = 30009"))
    place = Place(5000, "luanti-5000", "x", address_of(5000), "game", "luanti", (_udp(30009),))
    try:
        with pytest.raises(ForeignError, match="refuses it") as refused:
            await link.put(place)
        assert not refused.value.transient
    finally:
        await link.close()


def _udp(number: int) -> Endpoint:
    return Endpoint("luanti", "udp", number, 30000)


async def test_a_wrong_token_is_refused(edge: Edge) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{edge.port}/internal/traefik/config"
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            async with session.get(url, headers=given) as answer:
                assert answer.status == 401
        async with session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert (answer.status, list(await answer.json())) == (200, ["http", "udp"])


async def test_a_server_that_traefik_does_not_take_up(settings: Settings, edge: Edge) -> None:
    link = build_traefik(settings)[0]
    assert isinstance(link, TraefikLink)
    link._seconds = 0.5
    place = Place(5000, "luanti-5000", "x", address_of(5000), "game", "luanti", (_udp(30000),))
    try:
        with pytest.raises(ForeignError, match=r"not taken up luanti-5000.*token\?") as late:
            await link.put(place)
        assert late.value.transient
        assert (await link.drop(place))["verified"]
        assert await link.listed() == {}
        await link.check()
    finally:
        await link.close()


async def test_hostile_names_are_no_syntax(world: World, edge: Edge) -> None:
    for vmid in (5000, 5001):
        await run(world.create, asked("luanti", vmid))
    async with world.clients.database.transaction() as session:
        hostile = 'x`) || HostSNI(`*","y'
        await session.execute(text("update instances set hostname = :h where vmid = 5000"), {"h": hostile})
    body = json.loads(await edge.app.state.routing.configuration())
    assert list(body["udp"]["routers"]) == ["zpack_luanti-5001_30001", "zpack-closed"]
    place = Place(5000, hostile, "x", address_of(5000), "game", "luanti", (_udp(30000),))
    refusing = next(one for one in world.clients.links if one.name == "traefik")
    with pytest.raises(ForeignError, match="cannot be written down"):
        await refusing.put(place)
