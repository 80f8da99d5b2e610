"""Agents are hostile: nothing they answer costs more than a time-out or is believed unread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.control.provisioning.counterparts import AgentScripts, address_of, every_path, serving
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.request import current_request
from zpack.control.outside.agent import AgentRefused, Agents, parsed_players, parsed_update
from zpack.control.outside.http import ForeignHttp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

IP = address_of(5000)
MASTER = "m" * 32


@pytest.fixture
def scripts() -> AgentScripts:
    return AgentScripts()


@pytest.fixture
async def agents(scripts: AgentScripts) -> AsyncGenerator[Agents]:
    async with serving(every_path(scripts.answer), "0.0.0.0") as port:
        client = Agents(http=ForeignHttp(name="the agent"), port=port, master=MASTER, fixed_token=None)
        yield client
        await client.close()


@pytest.mark.seed("S19")
async def test_every_call_carries_the_server_s_own_bearer(agents: Agents, scripts: AgentScripts) -> None:
    token = agents.token_for(5000, "op_1")
    for call in (agents.status(IP, token), agents.ready(IP, token), agents.players(IP, token)):
        await call
        assert scripts.tokens.pop(5000) == f"Bearer {token}"


def test_tokens_differ_by_server_and_by_creation(agents: Agents) -> None:
    made = {agents.token_for(vmid, seed) for vmid in (5000, 5001) for seed in ("op_1", "op_2")}
    assert len(made) == 4
    assert agents.token_for(5000, "op_1") in made


async def test_a_fixed_token_is_not_sent_in_the_payload(scripts: AgentScripts) -> None:
    async with serving(every_path(scripts.answer), "0.0.0.0") as port:
        client = Agents(http=ForeignHttp(name="the agent"), port=port, master=MASTER, fixed_token="shared")
        await client.configure(IP, client.token_for(5000, "op"), {"vmid": 5000})
        await client.close()
    assert scripts.configured[5000] == {"vmid": 5000}
    assert scripts.tokens[5000] == "Bearer shared"


async def test_the_agent_is_told_in_whose_course_it_is_asked() -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("X-Request-Id"))
        return web.json_response({})

    async with serving(every_path(answer), "0.0.0.0") as port:
        client = Agents(http=ForeignHttp(name="the agent"), port=port, master=MASTER, fixed_token=None)
        await client.status(IP, "t")
        named = current_request.set("req_1234567890")
        await client.status(IP, "t")
        current_request.reset(named)
        await client.close()
    assert seen == [None, "req_1234567890"]


@pytest.mark.parametrize("manner", ["garbage", "redirect", "endless"])
async def test_what_is_no_status_is_an_error(agents: Agents, scripts: AgentScripts, manner: str) -> None:
    scripts.manner[5000] = manner
    with pytest.raises(ForeignError):
        await agents.status(IP, "t")


@pytest.mark.parametrize(
    ("body", "status", "available"),
    [({"state": "waiting", "updateAvailable": True}, "waiting", True), ({"status": "current"}, "current", False),
     ({"state": 5, "updateAvailable": "yes"}, None, False), ([], None, False)],
)  # fmt: skip
def test_what_an_agent_says_of_its_renewal(body: object, status: str | None, available: bool) -> None:
    assert parsed_update(body) == {"updateStatus": status, "updateAvailable": available}


async def test_a_redirect_is_not_followed(agents: Agents, scripts: AgentScripts) -> None:
    scripts.manner[5000] = "redirect"
    assert (await agents.ready(IP, "t"))[0] == 302


@pytest.mark.seed("S25")
async def test_silence_costs_two_seconds(agents: Agents, scripts: AgentScripts) -> None:
    scripts.manner[5000] = "hang"
    async with asyncio.timeout(20):
        with pytest.raises(ForeignError) as failed:
            await agents.status(IP, "t")
    assert failed.value.timed_out


@pytest.mark.seed("S19")
async def test_a_refusal_keeps_status_and_body(agents: Agents, scripts: AgentScripts) -> None:
    scripts.manner[5000] = "busy"
    with pytest.raises(AgentRefused) as failed:
        await agents.power(IP, "t", "start")
    assert failed.value.status == 409
    assert failed.value.details == {"error": "operation_in_progress", "message": "Stopping."}


async def test_an_agent_that_is_not_there() -> None:
    client = Agents(http=ForeignHttp(name="the agent"), port=9, master=MASTER, fixed_token=None)
    with pytest.raises(ForeignError) as failed:
        await client.status(IP, "t")
    assert failed.value.transient
    assert not await client.healthy(IP, "t")
    await client.close()


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_players_that_are_no_object(body: object) -> None:
    assert parsed_players(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"online": "5", "max": -1, "players": "Ada"},
        {"online": True, "max": 1 << 40, "players": [1, None, {}]},
        {},
    ],
)
def test_nonsense_about_players_counts_nothing(body: dict[str, object]) -> None:
    assert parsed_players(body) == {"online": 0, "max": 0, "players": []}


def test_a_message_of_the_day_is_a_short_text() -> None:
    assert parsed_players({"motd": "m" * 900}) == {"online": 0, "max": 0, "players": [], "motd": "m" * 200}
    assert parsed_players({"motd": {"text": "x"}}) == {"online": 0, "max": 0, "players": []}


def test_a_flood_of_players_is_cut() -> None:
    found = parsed_players({"online": 2, "max": 5, "players": ["a" * 900] * 5000})
    assert found is not None
    assert (len(found["players"]), len(found["players"][0])) == (1000, 32)
