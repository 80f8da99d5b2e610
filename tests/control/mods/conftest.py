"""A control plane, a Modrinth, a CDN over TLS and a real agent whose server stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.bench import mod_settings, standing
from tests.control.provisioning.counterparts import address_of, serving
from tests.support.cdn import Authority, Cdn, serving_cdn, written_authority
from tests.support.modrinth import ModrinthServer, serving_modrinth
from zpack.agent.settings import read_settings
from zpack.agent.wiring import build
from zpack.control.instances import store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.http import Caller
    from zpack.control.db.session import Database

TOKEN = "one token for all agents of the tests"
CDN = "127.82.0.6"


@dataclass(frozen=True)
class Game:
    """The real agent's address and its server's folder."""

    port: int
    folder: Path

    @property
    def mods(self) -> dict[str, bytes]:
        """What is in the folder of mods."""
        found = (self.folder / "mods").iterdir() if (self.folder / "mods").exists() else ()
        return {path.name: path.read_bytes() for path in found}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return written_authority(tmp_path_factory.mktemp("authority"), CDN)


@pytest.fixture
async def cdn(authority: Authority) -> AsyncIterator[Cdn]:
    async with serving_cdn(CDN, authority.context) as served:
        yield served


@pytest.fixture
async def modrinth(cdn: Cdn) -> AsyncIterator[ModrinthServer]:
    async with serving_modrinth("127.82.0.7", cdn) as served:
        yield served


@pytest.fixture
async def game(tmp_path: Path, cdn: Cdn, authority: Authority) -> AsyncIterator[Game]:
    folder = standing(tmp_path, variant="fabric")
    address = address_of(5000)
    settings = {
        "ZLH_AGENT_HOST": address,
        "ZLH_AGENT_HOME": str(tmp_path / "home"),
        "ZLH_RUNTIME_ROOT": str(tmp_path / "root"),
        "ZLH_AGENT_TOKEN": TOKEN,
    }
    agent = build(read_settings(settings | mod_settings(cdn, authority)), owns_process=False)
    async with serving(agent.app, address) as port:
        yield Game(port, folder)
    agent.ring.close()
    await agent.workload.close()


@pytest.fixture
def extra(game: Game, modrinth: ModrinthServer, cdn: Cdn) -> dict[str, Any]:
    """Point the settings at the counterparts."""
    return {
        "agent_port": game.port,
        "agent_token": TOKEN,
        "modrinth_api_base": modrinth.url,
        "modrinth_cdn": cdn.url,
        "modrinth_user_agent": "zpack tests (tests@example.org)",
    }


async def given_server(database: Database, owner: Caller, vmid: int, **changes: Any) -> None:
    """Give somebody a server, as a create would have left it."""
    user = (await owner.get("/api/auth/me")).body["user"]["id"]
    payload = {"game": "minecraft", "variant": "fabric", "version": "1.21.4"} | changes.pop("payload", {})
    row: dict[str, Any] = {"ctype": "game", "allocated_ports": {}, "agent_state": "running"}
    row |= {"ip": address_of(vmid), "hostname": f"mc-{vmid}"} | changes
    async with database.transaction() as session:
        await store.insert_instance(session, vmid=vmid, customer_id=user, payload=payload, **row)


@pytest.fixture
async def hers(ann: Caller, database: Database) -> Caller:
    """Ann, who has a server."""
    await given_server(database, ann, 5000)
    return ann
