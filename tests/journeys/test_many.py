"""Forty creates at once, and agents that misbehave, on the simulated backend with everything else real."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.journeys.stack import WANTED, Stack, finished

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="module")]
BEHAVIOURS = ("never_ready", "error", "garbage", "hang", "dead")
SCRIPT = {
    "default": {"behaviour": "ready", "ready_after": 0.2},
    "rules": [
        {"match": {"world": name}, "behaviour": name, "reason": "no space left"} for name in BEHAVIOURS
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("many"), "127.87.0.0/16", SCRIPT)
    await made.open()
    await made.start_control(ZPACK_CREATE_SECONDS="300")
    yield made
    await made.close()


async def test_forty_creates_at_once(stack: Stack) -> None:
    async with stack.someone("ann") as ann:
        replies = await asyncio.gather(*(ann.post("/api/instances", WANTED) for _ in range(40)))
        assert {reply.status for reply in replies} == {202}
        ends = await asyncio.gather(*(finished(ann, reply.body["statusUrl"], 90) for reply in replies))
    assert [end["error"] for end in ends if end["status"] != "succeeded"] == []
    assert len({end["vmid"] for end in ends}) == 40
    await stack.exactly({end["vmid"] for end in ends})


async def test_a_double_click_makes_one_server(stack: Stack) -> None:
    async with stack.someone("bea") as bea:
        headers = {"Idempotency-Key": "one click"}
        replies = await asyncio.gather(
            *(bea.post("/api/instances", WANTED, headers=headers) for _ in range(5))
        )
        assert len({reply.body["operationId"] for reply in replies}) == 1
        await finished(bea, replies[0].body["statusUrl"])
        other = await bea.post("/api/instances", WANTED | {"memoryMiB": 600}, headers=headers)
        assert (other.status, other.body["error"]) == (409, "idempotency_key_reused")
        assert len((await bea.get("/api/servers")).body["servers"]) == 1


async def test_an_error_fails_at_once_with_the_agents_reason(stack: Stack) -> None:
    async with stack.someone("cleo") as cleo:
        url = (await cleo.post("/api/instances", WANTED | {"world": "error"})).body["statusUrl"]
        end = await finished(cleo, url, 20)
        assert (end["status"], end["error"]) == (
            "failed",
            {"code": "agent_error", "message": "no space left"},
        )
        assert (await cleo.get("/api/servers")).body["servers"] == []


async def test_what_never_gets_ready_ends_in_time_and_leaves_nothing(stack: Stack) -> None:
    await stack.stop_control()
    await stack.start_control(ZPACK_CREATE_SECONDS="10")
    before = stack.containers()
    async with stack.someone("dora") as dora:
        worlds = [name for name in BEHAVIOURS if name != "error"]
        replies = [await dora.post("/api/instances", WANTED | {"world": world}) for world in worlds]
        ends = [await finished(dora, reply.body["statusUrl"], 40) for reply in replies]
        assert {end["status"] for end in ends} == {"failed"}
        assert all(end["error"]["code"] == "deadline_exceeded" for end in ends)
        assert "scripted: not ready" in ends[0]["error"]["message"]
        assert (await dora.get("/api/servers")).body["servers"] == []
    assert stack.containers() == before
    await stack.exactly(before)
