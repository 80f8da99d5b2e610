"""What an owner decides about a server, and what has happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.hosts.store import HostState

if TYPE_CHECKING:
    from tests.portal.server.conftest import Hers
    from tests.support.visitor import Visitor

NAME = "mc-flying-squid-5000"
RENAME = 'form[action="/servers/5000/name"]'
IDLE, DELETE = 'form[action="/servers/5000/idle"]', 'form[action="/servers/5000/delete"]'


async def test_the_idle_rule_is_saved_and_a_wrong_one_told_beside_it(ann: Visitor, hers: Hers) -> None:
    await ann.get("/servers/5000/settings")
    page = await ann.submit(IDLE, minutes="45", enabled="on")
    assert page.one("#minutes")["value"] == "45"
    page = await ann.submit(IDLE, minutes="-1")
    assert (page.status, len(page.all("main [role=alert]"))) == (400, 1)
    page = await ann.submit('form[action="/servers/5000/keep-alive"]', hours="4")
    assert (page.status, page.path) == (200, "/servers/5000/settings")


async def test_a_server_is_renamed_and_refused_names_are_told_beside_the_field(
    ann: Visitor, hers: Hers
) -> None:
    page = await ann.get("/servers/5000/settings")
    assert (page.one("h1").text, page.all("h1 + p")) == (NAME, [])
    page = await ann.submit(RENAME, displayName="</title>Night\u202e")
    assert (page.status, page.one("#displayName")["aria-invalid"]) == (400, "true")
    page = await ann.submit(RENAME, displayName="a\x00b")
    assert (page.status, len(page.all("main .alert[data-tone=bad]"))) == (400, 1)
    page = await ann.submit(RENAME, displayName="</title>Night")
    assert (page.one("h1").text, page.one("h1 + p").text) == ("</title>Night", NAME)
    assert page.one("title").text.startswith("Settings · </title>Night")
    assert (await ann.get("/servers/5000/name")).one("h1").text == "</title>Night"
    assert "Renamed" in (await ann.get("/servers/5000/activity")).one(".timeline").text
    await ann.get("/servers/5000/settings")
    page = await ann.submit(RENAME, displayName=" ")
    assert page.one("h1").text == NAME


async def test_what_a_server_has_is_told(ann: Visitor, hers: Hers) -> None:
    page = await ann.get("/servers/5000/settings")
    told = dict(zip([dt.text for dt in page.all("dt")], [dd.text for dd in page.all("dd")], strict=True))
    assert (told["Memory"], told["Processors"]) == ("1 GiB", "not known")
    assert told["Disk"].endswith("GiB")
    assert told["Host name"] == NAME


async def test_a_server_is_deleted_only_by_its_name_and_only_when_it_is_off(ann: Visitor, hers: Hers) -> None:
    page = await ann.get("/servers/5000/settings")
    assert "Stop the host first" in page.text
    assert not page.all(DELETE)
    proof = {"csrf": str(page.all("input[name=csrf]")[0]["value"])}
    told = {"data": proof | {"name": NAME}, "headers": {"Origin": ann.base}}
    assert (await ann.send("POST", "/servers/5000/delete", **told)).status == 409
    await hers.world.stores.hosts.put(5000, HostState("stopped", "local"))
    await ann.get("/servers/5000/settings")
    await ann.submit(RENAME, displayName="Friday Night")
    page = await ann.submit(DELETE, name="Friday Night")
    assert (page.status, page.one("#name")["aria-invalid"]) == (422, "true")
    assert (await ann.get("/servers/5000")).status == 200


async def test_what_happened_is_told_by_day(ann: Visitor, hers: Hers) -> None:
    await ann.get("/servers/5000/settings")
    await ann.submit(IDLE, minutes="45", enabled="on")
    page = await ann.get("/servers/5000/activity")
    assert "Idle rule changed" in page.one(".timeline").text
    assert (await ann.get("/servers/5000/activity?before=nonsense")).status == 400
