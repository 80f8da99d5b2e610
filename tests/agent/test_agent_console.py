"""``/console/command``, ``/console/log`` (contract §4.4) and ``/game/players`` (§4.6)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from mcstatus import JavaServer
from tests.agent.bench import HOST, eventually

from zpack.agent.console.ring import ConsoleRing, clean_line
from zpack.agent.runtime.keeper import MAX_LINE, LineCutter
from zpack.agent.status.ping import Answer, parse_answer

if TYPE_CHECKING:
    from tests.agent.bench import Client


@pytest.mark.seed("S71")
async def test_a_command_reaches_the_server_and_its_answer_the_log(agent: Client) -> None:
    await agent.run()
    await agent.type("say grüezi")
    assert await agent.said("did say") == "did say grüezi"


@pytest.mark.parametrize(
    "body",
    [{}, [], "x", None, {"command": ""}, {"command": "  "}, {"command": 3}, {"command": "a\nb"},
     {"command": "a\x00"},
     {"command": "\x1b[2J"}, {"command": "x" * 1025}, {"command": "\ud800"},
     {"command": "😀" * 1001}],
)  # fmt: skip
async def test_bad_commands_are_400(agent: Client, body: Any) -> None:
    code, answer = await agent.post("/console/command", body)
    assert code == 400
    assert answer["error"] in {"invalid_command", "invalid_json"}


async def test_a_command_of_1024_characters_is_taken(agent: Client) -> None:
    await agent.run()
    await agent.type("x" * 1024)


async def test_without_a_server_a_command_is_503(agent: Client) -> None:
    code, answer = await agent.post("/console/command", {"command": "list"})
    assert (code, answer["error"]) == (503, "not_ready")


async def test_get_on_the_command_door_is_405(agent: Client) -> None:
    code, answer = await agent.get("/console/command")
    assert (code, answer["error"]) == (405, "method_not_allowed")


async def test_the_log_goes_on_where_it_was_left(agent: Client) -> None:
    await agent.run()
    _, first = await agent.get("/console/log")
    await agent.type("say next")
    await agent.said("did say next")
    _, then = await agent.get(f"/console/log?after={first['next']}")
    assert [line["line"] for line in then["lines"]] == ["> say next", "did say next"]
    assert then["lines"][0]["seq"] == first["next"] + 1
    assert then["lost"] is False


async def test_a_long_poll_wakes_with_the_line(agent: Client) -> None:
    await agent.run()
    _, log = await agent.get("/console/log")
    began = time.monotonic()
    waiting = asyncio.create_task(agent.get(f"/console/log?after={log['next']}&wait=20"))
    await agent.type("say wake")
    _, news = await waiting
    assert news["lines"][0]["line"] == "> say wake"
    assert time.monotonic() - began < 10


async def test_a_long_poll_without_news_ends_empty(agent: Client) -> None:
    _, log = await agent.get("/console/log?after=0&wait=0.1")
    assert log == {"lines": [], "next": 0, "lost": False}


@pytest.mark.parametrize("query", ["after=-1", "after=x", "wait=nan", "wait=-1", "after=1e400", "after=inf"])
async def test_bad_queries_are_400(agent: Client, query: str) -> None:
    code, answer = await agent.get(f"/console/log?{query}")
    assert (code, answer["error"]) == (400, "invalid_query")


async def test_lines_that_left_the_ring_are_called_lost(agent: Client) -> None:
    await agent.run()
    await agent.type("flood 5000")
    await agent.type("say done")

    async def flooded() -> bool:
        return (await agent.get("/console/log?after=5000"))[1]["next"] > 5000

    await eventually(flooded)
    _, log = await agent.get("/console/log?after=1")
    assert log["lost"] is True
    assert len(log["lines"]) == 500
    assert log["next"] == log["lines"][-1]["seq"]


def test_the_ring_is_bounded_in_lines_and_bytes() -> None:
    ring = ConsoleRing(max_lines=3, max_bytes=100)
    for n in range(5):
        ring.append(f"line {n}")
    assert [line["seq"] for line in ring.after(0)["lines"]] == [3, 4, 5]
    ring.append("x" * 95)
    assert [line["seq"] for line in ring.after(2)["lines"]] == [6]
    assert ring.after(2)["lost"]
    assert not ring.after(5)["lost"]


def test_a_line_larger_than_the_ring_is_lost_and_numbered() -> None:
    ring = ConsoleRing(max_bytes=10)
    ring.append("x" * 50)
    assert ring.after(0) == {"lines": [], "next": 1, "lost": True}


def test_a_number_from_another_life_starts_over() -> None:
    ring = ConsoleRing()
    ring.append("first")
    assert ring.after(900) == {"lines": [{"seq": 1, "line": "first"}], "next": 1, "lost": True}


@pytest.mark.parametrize(
    ("said", "kept"),
    [("\x1b[31mred\x1b[0m", "red"), ("\x1b]0;title\x07x", "x"), ("a\tb\x00\x08", "a\tb"), ("\x1b[", "["),
     ("\x9b2Jx", "2Jx"), ("§aplain", "§aplain")],
)  # fmt: skip
def test_what_could_move_a_terminal_is_taken_out(said: str, kept: str) -> None:
    assert clean_line(said) == kept


def test_lines_are_cut_from_any_chunks_and_never_endless() -> None:
    cutter = LineCutter()
    assert cutter.feed(b"on") == []
    assert cutter.feed(b"e\r\ntwo\n\xff") == ["one", "two"]
    assert [len(piece) for piece in cutter.feed(b"x" * (2 * MAX_LINE))] == [MAX_LINE, MAX_LINE]
    assert cutter.end() == ["x"]


async def test_players_are_the_servers_own_word(agent: Client) -> None:
    await agent.run()
    said = {"max": 20, "motd": "mc-scripted-5001"}
    assert await agent.get("/game/players") == (200, {"online": 0, "players": []} | said)
    await agent.type("join Ada Grace")
    await agent.said("did join")
    _, players = await agent.get("/game/players")
    assert players == {"online": 2, "players": ["Ada", "Grace"]} | said
    assert (await JavaServer(HOST, agent.port).async_status()).players.online == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, Answer(0, 0, ())),
        ({"players": []}, Answer(0, 0, ())),
        ({"players": {"online": -1, "max": True, "sample": {"name": "x"}}}, Answer(0, 0, ())),
        ({"players": {"online": 2**40, "max": "20", "sample": [1, {"name": 5}, {}]}}, Answer(0, 0, ())),
        (
            {"players": {"online": 1, "max": 2, "sample": [{"name": "A\x1b[2J" * 40}]}},
            Answer(1, 2, ("A" * 40,)),
        ),
    ],
)
def test_what_a_server_says_of_players_is_not_believed(status: dict[str, Any], expected: Answer) -> None:
    assert parse_answer(status) == expected


@pytest.mark.parametrize(
    ("description", "motd"),
    [
        ("\u00a7aA \u00a7lgreen\u00a7r\n  server\u00a7", "A green server"),
        (
            {"text": "A ", "color": "red", "extra": [{"text": "red "}, "one", ["!", {"translate": "x.y"}]]},
            "A red one!x.y",
        ),
        ({"text": "\x1b]0;owned\x07<b>\x00", "extra": "\u202e"}, "<b>\u202e"),
        ("x" * 9000, "x" * 200),
        ([[[["deep"]]]] * 9000, "deep" * 49),
        ({"text": 7, "extra": {"text": None}}, ""),
        (None, ""),
    ],
)
def test_the_message_of_the_day_becomes_plain_text(description: Any, motd: str) -> None:
    assert parse_answer({"description": description}).motd == motd


async def test_players_without_a_server_are_503(agent: Client) -> None:
    code, answer = await agent.get("/game/players")
    assert (code, answer["error"]) == (503, "not_ready")
