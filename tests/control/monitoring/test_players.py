"""How many played: written down minute by minute, told by step, forgotten when no chart shows it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.monitoring.test_history import LONG_AGO, both, charted, extra
from zpack.control.monitoring import store
from zpack.control.monitoring.models import Window, counted
from zpack.control.wiring.clients import build_stores
from zpack.control.wiring.monitoring import player_counts

if TYPE_CHECKING:
    from tests.control.monitoring.conftest import Have
    from tests.support.http import Caller
    from zpack.control.db.session import Database
    from zpack.control.wiring.clients import Clients

__all__ = ["both", "extra"]


@pytest.fixture
async def hers(ann: Caller, have: Have) -> Caller:
    """Ann, who has a Minecraft server, 5001."""
    await have(5001, owner=(await ann.get("/api/auth/me")).body["user"]["id"], created_at=LONG_AGO)
    return ann


async def test_who_plays_is_written_down_and_shown(hers: Caller, have: Have, clients: Clients) -> None:
    await have(5002, owner="somebody", payload={"game": "luanti"})
    words = player_counts(clients, alone=lambda: True), player_counts(clients, alone=lambda: False)
    for online in (2, 1 << 30, 5):
        await said(clients, players={"online": online, "max": 20, "players": []})
        for sampler in words:
            await sampler.tick()
    found = (await charted(hers))["players"]
    assert (found["unit"], [n for n in found["most"] if n is not None][-1]) == ("players", 5)


async def test_nobody_is_not_the_same_as_nobody_knows(hers: Caller, clients: Clients) -> None:
    sampler = player_counts(clients, alone=lambda: True)
    await said(clients, ready=False, players={"online": 3, "max": 20, "players": []})
    await sampler.tick()
    assert set((await charted(hers))["players"]["most"]) == {None}
    await said(clients, players={"online": 0, "max": 20, "players": []})
    await sampler.tick()
    assert set((await charted(hers, "?range=59m"))["players"]["most"]) == {None, 0}


async def test_a_game_that_does_not_tell_has_no_such_figure(ann: Caller, have: Have) -> None:
    owner = (await ann.get("/api/auth/me")).body["user"]["id"]
    await have(5001, owner=owner, payload={"game": "luanti"})
    assert (await charted(ann))["players"] is None


async def test_what_no_chart_shows_is_forgotten(hers: Caller, clients: Clients, database: Database) -> None:
    assert hers
    now = datetime.now(UTC)
    async with database.transaction() as session:
        for days, number in ((33, 7), (30, 8)):
            await store.note_players(session, {5001: number}, now - timedelta(days=days))
    await player_counts(clients, alone=lambda: True).tick()
    async with database.reading() as session:
        kept = await store.list_players(session, 5001, LONG_AGO, now)
    assert [number for _, number in kept] == [8]


def test_a_step_tells_its_least_average_and_most_and_a_gap_stays_one() -> None:
    window = Window(3600, 7200, 600)
    found = counted(window, [(3660, 1), (3720, 4), (4200, 1), (4800, 9)])
    assert found["least"] == [None, 1, 9, None, None, None, None]
    assert found["average"][1:3] == [2.0, 9.0]
    assert found["most"] == [None, 4, 9, None, None, None, None]


def test_a_step_shorter_than_the_rhythm_shows_no_gaps() -> None:
    found = counted(Window(3600, 3900, 30), [(3600, 1), (3660, 2)])
    assert found["most"] == [1, 1, 2, 2, 2, 2, 2, None, None, None, None]


async def said(clients: Clients, **more: Any) -> None:
    """Let the agents of both servers have said this."""
    word = {"hostOnline": True, "state": "running", "ready": True, "lastSeen": int(time.time() * 1000)}
    for vmid in (5001, 5002):
        await build_stores(clients).words.put(vmid, word | more)
