"""The dashboard: what stands how, and nothing that does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.portal.servers.conftest import GiveServer
    from tests.support.visitor import Visitor


async def test_who_has_no_server_is_led_to_the_first(ann: Visitor) -> None:
    page = await ann.get("/dashboard")
    assert page.one(".first a")["href"] == "/servers/create"
    assert page.one('.first form[action="/servers/create/quick"] input[name=key]')["value"]
    assert "Logged in" in page.one(".timeline").text


async def test_what_needs_attention_most_is_in_the_light(ann: Visitor, give: GiveServer) -> None:
    await give(5000)
    page = await ann.get("/dashboard")
    assert page.one(".spotlight a")["href"] == "/servers/5000"
    assert page.one(".spotlight .badge").text == "No answer"
    assert not page.all(".first")


async def test_nothing_is_done_here(ann: Visitor, give: GiveServer) -> None:
    await give(5000)
    page = await ann.get("/dashboard")
    assert not page.all("main form")
    assert not page.all('main a[href$="/console"]')


async def test_what_is_live_is_answered_alone(ann: Visitor) -> None:
    page = await ann.get("/dashboard/state", headers={"HX-Request": "true"})
    assert page.one("#state")["hx-get"] == "/dashboard/state"
    assert not page.all("html")


async def test_the_plan_is_shown_with_what_is_used(ann: Visitor) -> None:
    page = await ann.get("/dashboard")
    assert page.all("aside .panel") or page.all("aside section")
    assert "Game servers" in page.one("aside").text
