"""The portal in the world of provisioning: Ann has a running game server, 5000, and a dev container, 6000."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.control.provisioning.conftest import api, hint, others, world
from tests.support.cdn import Cdn
from tests.support.modrinth import ModrinthServer, serving_modrinth
from tests.support.owning import own, owner_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.visitor import Visitor

__all__ = ["api", "hint", "others", "world"]
SUFFIX = "ide.example.org"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def modrinth() -> AsyncIterator[ModrinthServer]:
    async with serving_modrinth("127.82.0.9", Cdn("127.82.0.6")) as served:
        yield served


@pytest.fixture
def extra(others: Counterparts, port: int, modrinth: ModrinthServer) -> dict[str, Any]:
    return others.settings | {
        "portal_url": f"http://localhost:{port}",
        "ide_suffix": SUFFIX,
        "ide_return_hosted": True,
        "modrinth_api_base": modrinth.url,
        "modrinth_user_agent": "zpack tests (tests@example.org)",
    }


@dataclass(frozen=True)
class Hers:
    """Ann's servers, and what their agents say."""

    world: World
    asked: list[tuple[str, str, bytes]]

    async def word(self, vmid: int = 5000, **more: Any) -> None:
        """Let an agent have said this."""
        heard = {"hostOnline": True, "state": "running", "ready": True, "lastSeen": int(time.time() * 1000)}
        await self.world.words.put(vmid, heard | more)

    def says(self, path: str, body: Any, status: int = 200) -> None:
        """Let the agents answer a path like this from now on."""

        async def answer(request: web.Request) -> web.Response:
            self.asked.append((request.method, request.path_qs, await request.read()))
            return web.json_response(body, status=status)

        self.world.scripts.special[path] = answer


@pytest.fixture
async def hers(world: World, ann: Visitor) -> Hers:
    await world.created(5000, owner=await owner_of(ann))
    runtime = {"runtime": "node", "version": "24"}
    await own(world.clients.database, ann, 6000, ctype="dev", ip="127.100.23.112", payload=runtime)
    await world.look()
    return Hers(world, [])
