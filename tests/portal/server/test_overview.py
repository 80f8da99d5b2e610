"""The overview of a game server, and what can be done with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.portal.server.conftest import HOSTILE
from zpack.control.monitoring.store import note_players

if TYPE_CHECKING:
    from tests.portal.server.conftest import Hers
    from tests.support.visitor import Visitor

NAME = "mc-flying-squid-5000"


async def test_it_tells_how_a_server_is_and_on_whose_word(ann: Visitor, hers: Hers) -> None:
    await hers.word()
    page = await ann.get("/servers/5000")
    assert (page.status, page.one("h1").text) == (200, NAME)
    assert [tab.text for tab in page.all(".tabs a")][:2] == ["Overview", "Console"]
    assert any("ready" in said.text for said in page.all(".witness li"))
    assert page.one(".server-state [data-copy]")["data-copy"].startswith(NAME)


async def test_it_names_who_plays_whatever_they_are_called(ann: Visitor, hers: Hers) -> None:
    await hers.word(players={"online": 1, "max": 20, "players": [HOSTILE]})
    page = await ann.get("/servers/5000")
    assert page.one(".players li").text == HOSTILE
    assert not page.all("main script, main img")


async def test_how_many_played_is_charted_of_games_that_tell(ann: Visitor, hers: Hers) -> None:
    async with hers.world.clients.database.transaction() as session:
        for minutes, number in ((9, 2), (5, 7), (2, 4)):
            await note_players(session, {5000: number}, datetime.now(UTC) - timedelta(minutes=minutes))
    page = await ann.get("/servers/5000/charts")
    rows = {
        str(row.th.text): [cell.text for cell in row.select("td")] for row in page.all("tbody tr") if row.th
    }
    now, lowest, _, highest = rows["Players"]
    assert (now, lowest, highest) == ("4", "2", "7")
    assert '"unit":"players"' in str(page.one("[data-chart]")["data-chart"])
    assert "Players" not in (await ann.get("/servers/6000/charts")).text


async def test_a_silent_agent_is_told_not_hidden(ann: Visitor, hers: Hers) -> None:
    await hers.word(hostOnline=False, ready=False)
    page = await ann.get("/servers/5000")
    assert (page.status, page.one(".server-state .badge").text.strip()) == (200, "No answer from the host")
    assert page.all("#server-power form")


async def test_each_link_of_the_way_to_it_is_told(ann: Visitor, hers: Hers) -> None:
    await hers.word()
    page = await ann.get("/servers/5000")
    assert any("proxy" in link.text for link in page.all(".links li"))


@pytest.mark.parametrize("part", ["state", "buttons", "condition", "charts"])
async def test_what_changes_is_a_part_of_its_own(ann: Visitor, hers: Hers, part: str) -> None:
    page = await ann.get(f"/servers/5000/{part}", headers={"HX-Request": "true"})
    assert (page.status, page.all("h1")) == (200, [])
    assert f"/servers/5000/{part}" in str(page.one("[id^=server-][hx-get]")["hx-get"])


async def test_the_game_is_stopped_by_a_form(ann: Visitor, hers: Hers) -> None:
    await hers.word()
    hers.says("/stop", {"ok": True})
    await ann.get("/servers/5000")
    page = await ann.submit('#server-power form:has(input[value="stop"])')
    assert (page.status, page.path) == (200, "/servers/5000")
    assert any(path.endswith("stop") for _, path in hers.world.scripts.calls)


async def test_a_refusal_of_the_agent_is_told(ann: Visitor, hers: Hers) -> None:
    await hers.word()
    for path in ("/stop", "/game/stop"):
        hers.says(path, {"error": "operation_in_progress", "message": "A backup is being made."}, 409)
    await ann.get("/servers/5000")
    page = await ann.submit('#server-power form:has(input[value="stop"])')
    assert page.status == 409
    assert "A backup is being made." in page.text


async def test_stopping_the_host_is_asked_about_without_scripts(ann: Visitor, hers: Hers) -> None:
    page = await ann.get("/servers/5000/power?target=host&action=stop")
    assert "Stop the host?" in page.text
    await ann.submit(".question form")
    assert (await ann.get("/servers/5000")).one(".server-state .badge").text.strip() == "Host is stopping"


@pytest.mark.parametrize("action", ["", "explode"])
async def test_there_is_no_other_action(ann: Visitor, hers: Hers, action: str) -> None:
    await ann.get("/servers/5000")
    page = await ann.submit('#server-power form:has(input[value="stop"])', action=action)
    assert page.status == 400


@pytest.mark.parametrize(
    "path", ["", "/activity", "/settings", "/backups", "/mods", "/dev", "/ide", "/power"]
)
async def test_other_peoples_servers_are_not_there(ann: Visitor, hers: Hers, path: str) -> None:
    assert (await ann.get(f"/servers/5999{path}")).status == 404


async def test_a_range_is_chosen_by_a_link(ann: Visitor, hers: Hers) -> None:
    page = await ann.get("/servers/5000?range=24h")
    assert page.one(".ranges [aria-current]").text == "24h"
    assert (await ann.get("/servers/5000?range=evil")).one(".ranges [aria-current]").text == "1h"
