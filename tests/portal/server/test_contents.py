"""Backups, mods and the dev view: what they show, do, and pass on of what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.server.conftest import HOSTILE, SUFFIX

if TYPE_CHECKING:
    from tests.portal.server.conftest import Hers
    from tests.support.modrinth import ModrinthServer
    from tests.support.visitor import Visitor

ID = "20261125T200000Z-0a1b2c3d"
BACKUP = {
    "id": ID,
    "createdAt": "2026-11-25T20:00:00Z",
    "sizeBytes": 2048,
    "type": "manual",
    "label": HOSTILE,
}
BUSY = {"error": "operation_in_progress", "message": "Another backup is being made."}
MOD = {"id": "a b.jar", "name": HOSTILE, "enabled": True, "sizeBytes": 7}


async def test_backups_are_made_restored_and_deleted_by_forms(ann: Visitor, hers: Hers) -> None:
    hers.says("/game/backups", {"backups": [BACKUP], "backup": BACKUP})
    hers.says("/game/backups/restore", {"operation": {}}, 202)
    page = await ann.get("/servers/5000/backups")
    assert HOSTILE in page.one("tbody th").text
    assert not page.all("main script, main img")
    await ann.submit('form[action="/servers/5000/backups"]', label="before")
    assert ("POST", "/game/backups", b'{"label": "before"}') in hers.asked
    await ann.get(f"/servers/5000/backups/{ID}/restore")
    page = await ann.submit(".question form")
    assert "checkpoint" in page.text
    await ann.get(f"/servers/5000/backups/{ID}/delete")
    await ann.submit(".question form")
    assert {("POST", f"/game/backups/restore?id={ID}"), ("DELETE", f"/game/backups?id={ID}")} <= {
        (method, path) for method, path, _ in hers.asked
    }


async def test_what_the_agent_refuses_is_told(ann: Visitor, hers: Hers) -> None:
    hers.says("/game/backups", BUSY, 409)
    page = await ann.get("/servers/5000/backups")
    assert (page.status, "Another backup is being made." in page.text) == (200, True)
    page = await ann.submit('form[action="/servers/5000/backups"]', label="mine")
    assert (page.status, page.one("#label")["value"]) == (409, "mine")


async def test_mods_are_searched_switched_and_removed(
    ann: Visitor, hers: Hers, modrinth: ModrinthServer
) -> None:
    hers.says("/game/mods", {"mods": [MOD]})
    hers.says("/game/mods/a b.jar", {"ok": True})
    page = await ann.get("/servers/5000/mods")
    assert HOSTILE in page.one("tbody th").text
    await ann.submit('form[action$="/switch"]', enabled="false")
    await ann.get("/servers/5000/mods/a%20b.jar/delete")
    await ann.submit(".question form")
    assert [method for method, _, _ in hers.asked if method != "GET"] == ["PATCH", "DELETE"]
    modrinth.add("sodium", title=HOSTILE)
    page = await ann.get("/servers/5000/mods", params={"q": HOSTILE})
    assert page.status == 200
    assert not page.all("main script, main img")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_no_other_page_leads_into_an_ide(ann: Visitor, hers: Hers, site: str) -> None:
    page = await ann.get("/servers/6000/ide", headers={"Sec-Fetch-Site": site})
    assert page.status == 403


async def test_a_dev_environment_shows_its_ide_and_ports(ann: Visitor, hers: Hers) -> None:
    page = await ann.get("/servers/6000")
    assert (page.path, page.one("h1").text) == ("/servers/6000/dev", "dev-6000")
    page = await ann.submit('form.inline-form[action$="/ports"]', port="3000", public="true")
    assert f"3000-dev-6000.{SUFFIX}" in page.one("#ports tbody").text
    page = await ann.submit('form.inline-form[action$="/ports"]', port="80")
    assert (page.status, len(page.all("#ports [role=alert]"))) == (404, 1)
    page = await ann.submit('form[action="/servers/6000/dev/ports/3000/delete"]')
    assert "No ports yet" in page.text
    url = ann.base + "/servers/6000/ide"
    async with ann.session.get(url, allow_redirects=False) as answer:
        assert answer.status == 303
        assert f"//dev-6000.{SUFFIX}/?token=" in answer.headers["Location"]
