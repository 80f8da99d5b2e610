"""The console from end to end: viewer, API, a real agent, a real game."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.agent.bench import HOST, agent_here, scripted_store
from tests.support.sockets import Viewer
from tests.support.waiting import eventually
from zpack.control.db.tables import ContainerInstance
from zpack.wire.console import PLAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import Client
    from tests.support.http import Caller
    from zpack.control.wiring import Api, Clients

FAMILIES = ["/api/servers/5001/console", "/api/game/servers/5001/console", "/api/console/5001"]
TOKEN = "the-bearer-of-all-agents"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Client]:
    async with (
        scripted_store().serving() as store,
        agent_here(tmp_path, store, ZLH_AGENT_TOKEN=TOKEN) as client,
    ):
        client.token = TOKEN
        await client.run()
        yield client


@pytest.fixture
def extra(agent: Client) -> dict[str, Any]:
    return {"agent_port": int(agent.url.rpartition(":")[2]), "agent_token": TOKEN}


@pytest.fixture
async def hers(clients: Clients, ann: Caller) -> str:
    """Ann's server is the agent's."""
    owner = (await ann.get("/api/auth/me")).body["user"]["id"]
    async with clients.database.transaction() as session:
        session.add(
            ContainerInstance(
                vmid=5001,
                hostname="mc-scripted-5001",
                ctype="game",
                customer_id=owner,
                ip=HOST,
                payload={},
                allocated_ports=[],
                agent_state="ready",
            )
        )
    return owner


def look(caller: Caller, path: str = FAMILIES[0], *, after: int = 0, **how: Any) -> Viewer:
    headers = {"Authorization": f"Bearer {caller.token}"}
    return Viewer(f"{caller.base}{path}/stream?after={after}", headers=headers, **how)


@pytest.mark.seed("S102", "S110")
@pytest.mark.parametrize("path", FAMILIES)
async def test_what_is_said_and_typed_goes_through(hers: str, ann: Caller, path: str) -> None:
    assert hers
    async with look(ann, path) as viewer:
        await viewer.ask(input="say through")
        await viewer.until("did say through")
    assert viewer.seqs == list(range(1, viewer.last + 1))


@pytest.mark.parametrize("path", FAMILIES[:2])
async def test_a_ticket_opens_it_for_a_browser(hers: str, ann: Caller, path: str) -> None:
    assert hers
    given = (await ann.post(f"{path}/ticket")).body
    assert given["expiresIn"] == 30
    async with Viewer(f"{ann.base}{path}/stream?ticket={given['ticket']}", protocols=()) as viewer:
        await viewer.socket.send_str("say from a browser\n")
        await viewer.until("did say from a browser")


async def test_a_browser_may_also_send_the_token_as_a_protocol(hers: str, ann: Caller) -> None:
    assert hers
    offered = (PLAIN, f"bearer.{ann.token}")
    async with Viewer(f"{ann.base}{FAMILIES[0]}/stream", protocols=offered) as viewer:
        await viewer.until("environment")
    assert viewer.socket.protocol == PLAIN


async def test_coming_again_loses_and_doubles_no_line(hers: str, ann: Caller) -> None:
    assert hers
    seen: list[str] = []
    last = 0
    async with look(ann) as first:
        await first.ask(input="steady 300 300")
        await first.until("did steady")
    while "step 299" not in seen:
        async with look(ann, after=last) as viewer:
            while len(viewer.lines) < 30 and "step 299" not in viewer.lines:
                await viewer.next()
        seen += viewer.lines
        last = viewer.last
    assert [line for line in seen if line.startswith("step")] == [f"step {n}" for n in range(300)]


async def test_looking_and_typing_are_recorded(hers: str, ann: Caller, clients: Clients) -> None:
    async with look(ann) as viewer:
        await viewer.ask(input="say secret")
        await viewer.until("did say")
    async with clients.database.transaction() as session:
        rows = await session.execute(text("select action, actor, payload from audit_log order by id"))
        found = [tuple(row) for row in rows if row[0].startswith("console")]
    assert found == [
        ("console.open", hers, {"vmid": 5001}),
        ("console.command", hers, {"vmid": 5001, "length": 10}),
    ]


async def test_the_agents_end_closes_with_1012_and_its_loss_with_1011(
    hers: str, ann: Caller, agent: Client
) -> None:
    assert hers
    async with look(ann) as viewer:
        await viewer.until("environment")
        assert agent.agent
        agent.agent.ring.close()
        assert await viewer.end() == (1012, "agent_restarting")


@pytest.mark.seed("S103", "S104", "S107")
async def test_nothing_is_left_of_a_hundred_viewers(hers: str, ann: Caller, api: Api, agent: Client) -> None:
    """Rows S103, S104 and S107 cured listeners that piled up in Node: here nothing may pile up at all."""
    assert hers
    before = len(asyncio.all_tasks())
    for _ in range(10):
        viewers = [look(ann) for _ in range(10)]
        await asyncio.gather(*(viewer.__aenter__() for viewer in viewers))
        await asyncio.gather(*(viewer.next() for viewer in viewers))
        await asyncio.gather(*(viewer.__aexit__() for viewer in viewers))
    assert agent.agent
    ring = agent.agent.ring
    await eventually(lambda: not ring._watchers and not len(api.console_streams._channels), what="the end")
    await eventually(lambda: len(asyncio.all_tasks()) <= before + 2, what="the end of their tasks")
