"""A hostile agent hurts neither control nor another tenant: every answer of the table to every route.

Coder's CVE-2026-55429 and GHSA-qrwj-vh9x-gw5v, Pelican's PR #2293: an agent speaks for itself alone.
"""

from __future__ import annotations

import asyncio
import json
import resource
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.agent_routes import ROUTES, AgentRoute
from tests.control.mods.conftest import given_server
from tests.control.provisioning.conftest import api, hint, others, world
from tests.control.provisioning.counterparts import ANSWERS, every_path, serving
from tests.support.cdn import serving_cdn
from tests.support.hostile import HOSTILE, VICTIM, Silence
from tests.support.modrinth import ModrinthServer, serving_modrinth
from zpack.control.engine.budget import Budget
from zpack.control.outside import agent as agent_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiohttp import web

    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller, Reply
    from zpack.control.db.session import Database
    from zpack.control.wiring import Clients

__all__ = ["api", "hint", "others", "world"]
MEMORY_MIB = 200
"""What all the floods together may cost, with the flooding side in the same process."""


@pytest.fixture
async def modrinth() -> AsyncIterator[ModrinthServer]:
    async with serving_cdn("127.82.0.6", None) as cdn, serving_modrinth("127.82.0.7", cdn) as served:
        served.release(served.add("sodium"))
        yield served


@pytest.fixture
def extra(others: Counterparts, modrinth: ModrinthServer) -> dict[str, Any]:
    return others.settings | {"modrinth_api_base": modrinth.url, "modrinth_cdn": modrinth.cdn.url}


@pytest.fixture(autouse=True)
def silence() -> Iterator[Silence]:
    """Teach the agents every hostile manner; what is silent is so until this is over."""
    made = Silence()
    taught = HOSTILE | {"silent": made.silent, "trickling": made.trickling}
    ANSWERS.update(taught)
    yield made
    for name in taught:
        ANSWERS.pop(name)


@pytest.fixture
async def tenants(
    world: World, ann: Caller, bob: Caller, database: Database, silence: Silence
) -> AsyncIterator[World]:
    """Ann's agent is hostile, Bob's is not."""
    await given_server(database, ann, 5000)
    await given_server(database, bob, VICTIM)
    await world.look()
    yield world
    silence.over.set()


@pytest.fixture
async def stolen() -> AsyncIterator[list[str]]:
    """Where the redirects lead: whoever comes is noted."""
    visits: list[str] = []

    async def note(request: web.Request) -> web.Response:
        visits.append(request.path)
        raise AssertionError(request.path)

    async with serving(every_path(note), "127.82.0.99"):
        yield visits


async def ask(caller: Caller, route: AgentRoute) -> Reply:
    return await caller.call(route.method, route.path, route.body)


async def others_things(database: Database, clients: Clients) -> str:
    """Return every row and key of the other tenant, and how many rows there are."""
    async with database.transaction() as session:
        row = (await session.execute(text(f"select * from instances where vmid = {VICTIM}"))).mappings().one()
        counted = [
            await session.scalar(text(f"select count(*) from {table}"))
            for table in ("instances", "deleted_instances", "operations", "users")
        ]
        audited = await session.scalar(
            text(f"select count(*) from audit_log where payload->>'vmid' = '{VICTIM}'")
        )
    words = {
        key: await clients.redis.get(key) for key in await clients.redis.keys("*") if str(VICTIM) in str(key)
    }
    return json.dumps([dict(row), counted, audited, words], default=str)


def complaint(route: AgentRoute, reply: Reply) -> str | None:
    """Say what is wrong with an answer of control, if anything is."""
    body, headers = reply.body, reply.headers
    if reply.status == 401 or (reply.status >= 400 and body["error"] == "internal_error"):
        return f"{reply.status} {str(body)[:200]}"
    if (
        "Set-Cookie" in headers
        or "WWW-Authenticate" in headers
        or headers["X-Request-Id"].startswith("forged")
    ):
        return f"headers of the agent got through: {dict(headers)}"
    if reply.status >= 400 and not isinstance(body["error"], str):
        return f"no code: {body}"
    if route.tolerant and reply.status != 200:
        return f"{reply.status} {body}"
    return None


async def test_no_answer_of_an_agent_breaks_a_route(
    tenants: World, ann: Caller, clients: Clients, database: Database, stolen: list[str]
) -> None:
    await clients.redis.persist(
        f"agent:{VICTIM}"
    )  # nobody polls here, and the word shall not expire meanwhile
    before = await others_things(database, clients)
    high = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    complaints: dict[str, str] = {}
    for manner in HOSTILE:
        tenants.scripts.manner[5000] = manner
        for key in await clients.redis.keys("limit:*"):
            await clients.redis.delete(key)
        replies = await asyncio.gather(*(ask(ann, route) for route in ROUTES))
        for route, reply in zip(ROUTES, replies, strict=True):
            if wrong := complaint(route, reply):
                complaints[f"{manner}: {route.method} {route.path}"] = wrong
    assert complaints == {}
    assert stolen == []
    assert (VICTIM, "/stop") not in tenants.scripts.calls
    assert await others_things(database, clients) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - high < MEMORY_MIB * 1024


async def test_no_poll_of_an_agent_touches_another_s_state(
    tenants: World, ann: Caller, bob: Caller, clients: Clients
) -> None:
    expected = (await bob.get(f"/api/servers/{VICTIM}/status")).body
    volatile = {"lastSeen", "connection"}
    for manner in HOSTILE:
        tenants.scripts.manner[5000] = manner
        await tenants.heartbeat.tick()
        listed = await ann.get("/api/servers")
        assert [server["id"] for server in listed.body["servers"]] == ["5000"], manner
        assert (await ann.get("/api/servers/5000/status")).status == 200, manner
        assert (await ann.get("/api/servers/5000/players")).status in {200, 409, 503}, manner
        his = (await bob.get(f"/api/servers/{VICTIM}/status")).body
        assert {k: v for k, v in his.items() if k not in volatile} == {
            k: v for k, v in expected.items() if k not in volatile
        }, manner
    assert sorted(await clients.redis.keys("agent:*")) == ["agent:5000", f"agent:{VICTIM}"]


class Hurried:
    """Budgets of a hundredth of their time."""

    @staticmethod
    def seconds(seconds: float) -> Budget:
        return Budget.seconds(seconds / 100)


@pytest.mark.parametrize("manner", ["silent", "trickling"])
async def test_an_agent_that_does_not_end_costs_its_time_and_no_more(
    tenants: World, ann: Caller, monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    monkeypatch.setattr(agent_module, "Budget", Hurried)
    tenants.scripts.manner[5000] = manner
    replies = await asyncio.gather(*(ask(ann, route) for route in ROUTES))
    for route, reply in zip(ROUTES, replies, strict=True):
        assert reply.status == (200 if route.tolerant else 504), (route, reply)


async def test_while_one_agent_is_silent_others_are_served(
    tenants: World, ann: Caller, bob: Caller, silence: Silence
) -> None:
    tenants.scripts.manner[5000] = "silent"
    waiting = [asyncio.create_task(ask(ann, route)) for route in ROUTES * 4]
    async with asyncio.timeout(60):
        while len([call for call in tenants.scripts.calls if call[0] == 5000]) < len(ROUTES):
            await asyncio.sleep(0.01)
        for _ in range(20):
            assert (await bob.get(f"/api/servers/{VICTIM}/console/log?wait=0")).status == 200
    silence.over.set()
    await asyncio.gather(*waiting)
