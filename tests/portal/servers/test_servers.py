"""The list without a script, and the parts that scripts ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data.hostile_texts import HOSTILE_TEXTS
from tests.support.hostile_pages import intrusions
from zpack.control.heartbeat.store import AgentWords

if TYPE_CHECKING:
    from tests.control.conftest import Clients
    from tests.portal.servers.conftest import GiveServer
    from tests.support.visitor import Visitor

HOSTILE = '"><script>alert(1)</script>'
PART = {"HX-Request": "true"}
SHOWN = "details.card:not([hidden])"


async def test_no_servers_lead_to_the_first(ann: Visitor) -> None:
    page = await ann.get("/servers")
    assert page.one(".empty a")["href"] == "/servers/create"


async def test_servers_are_in_their_groups_with_what_is_known(ann: Visitor, give: GiveServer) -> None:
    await give(5000)
    await give(6000, ctype="dev", runtime="node", version="24")
    page = await ann.get("/servers")
    assert page.one("#games #card-5000 summary b").text == "game-5000"
    assert page.one("#devs #card-6000 summary span").text == "Node.js 24"
    assert page.one("#card-5000 .copy code").text.startswith("game-5000.")
    assert [found.text for found in page.all("#server-totals strong")] == ["2", "0", "2", "2"]


async def test_hostile_names_stay_text(ann: Visitor, give: GiveServer) -> None:
    await give(5000, HOSTILE, version=HOSTILE)
    page = await ann.get("/servers")
    assert page.one("#card-5000 summary b").text == HOSTILE
    assert not page.all("main script")


async def test_a_named_server_is_shown_and_found_by_its_name_and_by_its_host_s(
    ann: Visitor, give: GiveServer
) -> None:
    await give(5000, called="Friday Night")
    await give(5001)
    page = await ann.get("/servers")
    assert page.one("#card-5000 summary b").text == "Friday Night"
    assert page.all("#card-5000 .card-facts code")[0].text == "game-5000"
    assert page.one("#card-5001 summary b").text == "game-5001"
    for words in ("friday", "game-5000"):
        assert [card["id"] for card in (await ann.get(f"/servers?q={words}")).all(SHOWN)] == ["card-5000"]
    assert "Friday Night" in (await ann.get("/dashboard")).one(".spotlight").text


async def test_strangers_names_are_text_wherever_a_server_is_named(
    ann: Visitor, root: Visitor, give: GiveServer
) -> None:
    names = [text for text in HOSTILE_TEXTS if len(text) <= 50 and text == text.strip()][:50]
    for number, called in enumerate(names):
        await give(5000 + number, called=called)
    page = await ann.get("/servers")
    assert [found.text for found in page.all("summary bdi")] == names
    assert ann.api is not None
    owner = (await ann.api.get("/api/auth/me")).body["user"]["id"]
    pages = [page, await ann.get("/dashboard")]
    pages += [await root.get(path) for path in ("/admin/fleet", "/admin/fleet/5000", f"/admin/users/{owner}")]
    assert [intrusions(each) for each in pages] == [[]] * len(pages)


@pytest.mark.parametrize(
    ("words", "found"),
    [("paper 5001", ["card-5001"]), ("game-5001.", ["card-5001"]), ("node", []), ("PAPER", None)],
)
async def test_the_filter_works_without_scripts(
    ann: Visitor, give: GiveServer, words: str, found: list[str] | None
) -> None:
    await give(5000)
    await give(5001)
    await ann.get("/servers")
    page = await ann.submit("form[role=search]", q=words)
    shown = page.all(SHOWN)
    assert [card["id"] for card in shown] == (found if found is not None else ["card-5000", "card-5001"])
    assert page.one("[data-none]").has_attr("hidden") is bool(shown)
    assert page.one("#games").has_attr("data-out") is not bool(shown)


async def test_a_card_says_how_many_play(ann: Visitor, give: GiveServer, clients: Clients) -> None:
    await give(5000)
    players = {"online": 3, "max": 20, "players": ["Ada"]}
    await AgentWords(redis=clients.redis).put(5000, {"hostOnline": True, "ready": True, "players": players})
    page = await ann.get("/servers")
    assert page.one("#card-5000 summary .playing").text == "3 / 20"
    assert page.one("#card-5000 summary .playing")["aria-label"] == "3 of 20 players"
    assert "Ada" not in page.text


async def test_a_long_list_has_its_details_only_when_asked(ann: Visitor, give: GiveServer) -> None:
    for number in range(51):
        await give(5000 + number)
    assert len((await ann.get("/servers")).all("details[data-lazy]")) == 51
    page = await ann.get("/servers/cards?ids=5000,5001&open=5001", headers=PART)
    assert [card["id"] for card in page.all("details.card:not([data-lazy])")] == ["card-5001"]
    assert len(page.all("details.card")) == 2


async def test_other_people_s_servers_are_not_there(ann: Visitor, root: Visitor, give: GiveServer) -> None:
    await give(5000)
    assert ann.api is not None
    assert (await root.get("/servers")).all("#card-5000")  # an administrator sees all
    assert not (await ann.get("/servers/cards?ids=5001", headers=PART)).all("details.card")


async def test_what_power_refuses_is_told(ann: Visitor, give: GiveServer) -> None:
    await give(5000)
    await ann.get("/servers")
    page = await ann.submit("#card-5000 form", action="game-stop")
    assert page.status >= 400
    assert page.one(".empty h1").text


@pytest.mark.parametrize("fields", [{"id": "../x"}, {"id": "5001"}, {"action": "delete"}, {"id": ""}])
async def test_power_does_nothing_to_what_is_not_there(
    ann: Visitor, give: GiveServer, fields: dict[str, str]
) -> None:
    await give(5000)
    await ann.get("/servers")
    page = await ann.submit("#card-5000 form", **{"action": "host-start"} | fields)
    assert page.status in {200, 404}
