"""Typing into a server and reading its console, through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller

PATHS = ["/api/servers/5000/console", "/api/game/servers/5000/console"]


@pytest.fixture
async def hers(world: World, ann: Caller) -> World:
    """A world in which Ann has a server."""
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    return world


@pytest.mark.parametrize("path", PATHS)
async def test_a_line_reaches_the_agent(hers: World, ann: Caller, path: str) -> None:
    assert (await ann.post(f"{path}/command", {"command": "say hello"})).status == 200
    assert hers.scripts.calls[-1] == (5000, "/console/command")


@pytest.mark.parametrize("path", PATHS)
async def test_the_log_is_the_agent_s(hers: World, ann: Caller, path: str) -> None:
    assert hers.cluster.ours() == [5000]
    reply = await ann.get(f"{path}/log?after=0&wait=1")
    assert reply.body["lines"][0]["text"] == "Done"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"command": ""},
        {"command": "a\nb"},
        {"command": "x" * 1025},
        {"command": 5},
        {"command": "\x1b[2J"},
        [],
    ],
)
async def test_bad_commands(hers: World, ann: Caller, body: Any) -> None:
    hers.scripts.calls.clear()
    reply = await ann.post(f"{PATHS[0]}/command", body)
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")
    assert hers.scripts.calls == []


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=26", "wait=nan", "wait=-1"])
async def test_bad_reads(hers: World, ann: Caller, query: str) -> None:
    assert hers.cluster.ours() == [5000]
    reply = await ann.get(f"{PATHS[0]}/log?{query}")
    assert (reply.status, reply.body["error"]) == (400, "invalid_request")


async def test_an_agent_s_refusal_keeps_its_status_and_body(hers: World, ann: Caller) -> None:
    hers.scripts.manner[5000] = "busy"
    reply = await ann.post(f"{PATHS[0]}/command", {"command": "stop"})
    assert reply.status == 409
    assert reply.body["details"] == {"error": "operation_in_progress", "message": "Stopping."}


async def test_an_agent_that_is_silent_is_a_gateway_timeout(hers: World, ann: Caller) -> None:
    hers.scripts.manner[5000] = "hang"
    assert (await ann.post(f"{PATHS[0]}/command", {"command": "stop"})).status == 504


async def test_another_s_console_is_not_there(hers: World, bob: Caller, anyone: Caller) -> None:
    hers.scripts.calls.clear()
    for path in PATHS:
        assert (await bob.post(f"{path}/command", {"command": "op bob"})).status == 404
        assert (await bob.get(f"{path}/log")).status == 404
        assert (await anyone.get(f"{path}/log")).status == 401
    assert hers.scripts.calls == []
