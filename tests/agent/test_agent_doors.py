"""A caller without the token cannot use an agent: every door that the application has, by every way in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.bench import Client, agent_here

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import StoreServer

OLD, OWN = "the-environment-s-token", "this-instance-s-own-token"
FOREIGN = "another-instance-s-own-token"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
WRONG = [
    None, "", "Bearer", "Bearer ", f"Bearer {FOREIGN}", f"Bearer {OLD}", f"Bearer {OWN}x", f"Bearer {OWN[:-1]}",
    f"bearer{OWN}", f"Basic {OWN}", OWN, f"Token {OWN}", f"Bearer {OWN.upper()}", f"Bearer {OWN} {OWN}",
    f"Bearer Bearer {OWN}", "Bearer null", "Bearer ü", "Bearer wrong", "Basic x", "bearer  ",
]  # fmt: skip


@pytest.fixture
async def agent(tmp_path: Path, store: StoreServer) -> AsyncIterator[Client]:
    async with agent_here(tmp_path, store, ZLH_AGENT_TOKEN=OLD) as client:
        client.token = OLD
        code, _ = await client.post("/config", client.payload(agent_token=OWN))
        assert code == 202
        client.token = OWN
        await client.reaches("running")
        yield client


def doors(client: Client) -> list[tuple[str, str]]:
    """Every method and path of the application, its placeholders filled in."""
    assert client.agent
    found = {
        (route.method, re.sub(r"\{[^}]+\}", "x.jar", route.resource.canonical))
        for route in client.agent.app.router.routes()
        if route.resource is not None
    }
    return sorted(found - {("GET", "/health"), ("HEAD", "/health")})


async def tried(client: Client, method: str, path: str, headers: dict[str, str]) -> int:
    async with client.http.request(method, client.url + path, headers=headers, json={}) as answer:
        return answer.status


def authorization(value: str | None) -> dict[str, str]:
    return {} if value is None else {"Authorization": value}


async def test_every_door_asks_for_the_token(agent: Client) -> None:
    table = doors(agent)
    assert len(table) > 15
    answers = {
        (method, path, given, upgrade is UPGRADE): await tried(
            agent, method, path, authorization(given) | upgrade
        )
        for method, path in table
        for given in WRONG[:6]
        for upgrade in ({}, UPGRADE if method == "GET" else {})
    }
    assert {door: code for door, code in answers.items() if code != 401} == {}
    assert (await agent.status())["state"] == "running"


async def test_what_is_nearly_the_token_is_none(agent: Client) -> None:
    for given in WRONG:
        assert await tried(agent, "POST", "/stop", authorization(given)) == 401, given
        assert await tried(agent, "GET", "/game/mods?token=" + OWN, authorization(given)) == 401, given
    assert (await agent.status())["state"] == "running"


async def test_doors_that_do_not_exist_are_not_told_from_those_that_do(agent: Client) -> None:
    for path in ("/", "/nothing", "/health/", "/health/..", "//health", "/HEALTH", "/.env"):
        assert await tried(agent, "GET", path, {}) == 401, path


async def test_only_life_itself_is_told_to_everyone(agent: Client) -> None:
    async with agent.http.get(f"{agent.url}/health") as answer:
        assert (answer.status, await answer.text()) == (200, "ok")
    assert await tried(agent, "POST", "/health", {}) == 405


@pytest.mark.seed("S70")
async def test_power_is_by_post_alone(agent: Client) -> None:
    right = authorization(f"Bearer {OWN}")
    for action in ("start", "stop", "restart"):
        for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD"):
            assert await tried(agent, method, f"/{action}", right) == 405, (method, action)
    assert (await agent.status())["state"] == "running"


async def test_the_refusal_says_nothing_of_the_agent(agent: Client) -> None:
    agent.token = None
    code, body = await agent.get("/status")
    expected: dict[str, Any] = {"error": "unauthorized", "message": "this agent needs its own bearer token"}
    assert (code, body) == (401, expected)
