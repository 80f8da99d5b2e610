"""A real agent with a configured server, and the API in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.files.world import files_agent
from zpack.control.instances.store import insert_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import Client
    from tests.control.conftest import Database
    from tests.support.http import Caller, Reply

TOKEN = "a-token-for-all-agents"
SERVER = "/api/game/servers/5001/files"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Client]:
    async with files_agent(tmp_path, ZLH_AGENT_TOKEN=TOKEN, ZLH_AGENT_TRANSFER_IDLE_SECONDS="5") as client:
        yield client


@pytest.fixture
def address(agent: Client) -> tuple[str, int]:
    """Where control believes the agent to be; hostile counterparts override it."""
    host, _, port = agent.url.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.fixture
def extra(address: tuple[str, int]) -> dict[str, Any]:
    return {"agent_port": address[1], "agent_token": TOKEN}


async def add_server(database: Database, address: tuple[str, int], *, owner: str, **changes: Any) -> None:
    values = {
        "vmid": 5001, "hostname": "mc-scripted-5001", "ctype": "game", "ip": address[0], "allocated_ports": {},
        "payload": {}, "agent_state": "running", "engine_type": "scripted", "engine_version": "1",
    } | changes  # fmt: skip
    async with database.transaction() as session:
        await insert_instance(session, customer_id=owner, **values)


@pytest.fixture
async def hers(database: Database, ann: Caller, address: tuple[str, int]) -> Hers:
    """Ann, who owns server 5001."""
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await add_server(database, address, owner=me)
    return Hers(ann)


@dataclass
class Hers:
    """The files of a server, as its owner asks for them."""

    caller: Caller

    async def call(self, method: str, verb: str, path: str, family: str = SERVER, **more: Any) -> Reply:
        params = {"path": path} | more.pop("params", {})
        return await self.caller.call(method, family + verb, params=params, **more)

    async def raw(self, method: str, verb: str, path: str, family: str = SERVER, **more: Any) -> Any:
        """Return status, headers and body of a download."""
        session = self.caller._session
        url = self.caller.base + family + verb
        async with session.request(method, url, params={"path": path}, **more) as answer:
            return answer.status, answer.headers, await answer.read()
