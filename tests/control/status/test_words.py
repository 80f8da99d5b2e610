"""``players`` and ``update-status``: the agent's last word, or a refusal that says why there is none (§9.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.status.test_servers import mine
from zpack.control.engine.errors import Refusal
from zpack.control.status.word import players_of, update_of

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller

FAMILIES = ["/api/game/servers/5000", "/api/servers/5000"]


@pytest.mark.parametrize("path", FAMILIES)
async def test_both_come_from_the_last_poll_and_not_from_the_agent(
    world: World, ann: Caller, path: str
) -> None:
    await mine(world, ann)
    world.scripts.calls.clear()
    assert (await ann.get(f"{path}/players")).body == {"online": 1, "max": 20, "players": ["Ada"]}
    update = await ann.get(f"{path}/update-status")
    assert update.body == {"agentVersion": "v1.2.3", "updateStatus": "idle", "updateAvailable": True}
    assert world.scripts.calls == []


async def test_a_word_that_is_too_old_is_no_word(world: World, ann: Caller) -> None:
    await mine(world, ann)
    await world.clients.redis.delete("agent:5000")
    for name in ("players", "update-status"):
        reply = await ann.get(f"{FAMILIES[0]}/{name}")
        assert (reply.status, reply.body["error"]) == (503, "agent_not_heard")
        (evidence,) = reply.body["details"]["evidence"]
        assert (evidence["source"], evidence["at"]) == ("agent", None)


@pytest.mark.seed("S72")
async def test_of_a_game_that_is_not_ready_nobody_is_said_to_play(world: World, ann: Caller) -> None:
    await mine(world, ann)
    world.scripts.manner[5000] = "never"
    await world.look()
    reply = await ann.get(f"{FAMILIES[0]}/players")
    assert (reply.status, reply.body["error"]) == (409, "game_not_ready")
    (evidence,) = reply.body["details"]["evidence"]
    assert evidence["fact"] == "not ready (starting)"
    assert evidence["at"] is not None
    assert (await ann.get(f"{FAMILIES[0]}/update-status")).status == 200


async def test_another_s_are_missing(world: World, ann: Caller, bob: Caller, anyone: Caller) -> None:
    await mine(world, ann)
    for path in FAMILIES:
        for name in ("players", "update-status"):
            assert (await bob.get(f"{path}/{name}")).body["error"] == "server_not_found"
            assert (await anyone.get(f"{path}/{name}")).status == 401


READY: dict[str, Any] = {"hostOnline": True, "ready": True, "lastSeen": 1}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (None, "agent_not_heard"), ({}, "agent_not_heard"), (READY | {"hostOnline": False}, "agent_not_heard"),
        (READY | {"ready": False, "players": {"online": 9}}, "game_not_ready"), (READY, "not_known_yet"),
        (READY | {"ready": "yes"}, "game_not_ready"), (READY | {"players": None}, "not_known_yet"),
    ],
)  # fmt: skip
def test_why_it_is_not_known_who_plays(word: Any, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        players_of(word, game="minecraft")
    assert refused.value.code == code
    assert refused.value.details["evidence"][0]["source"] == "agent"


@pytest.mark.parametrize("game", ["terraria", None, 7])
def test_only_minecraft_has_a_list_of_players(game: object) -> None:
    with pytest.raises(Refusal) as refused:
        players_of(READY | {"players": {"online": 1, "max": 2, "players": []}}, game=game)
    assert refused.value.code == "players_not_supported"


@pytest.mark.parametrize("word", [None, READY, READY | {"agentVersion": None}])
def test_a_version_that_was_never_told(word: Any) -> None:
    with pytest.raises(Refusal):
        update_of(word)
