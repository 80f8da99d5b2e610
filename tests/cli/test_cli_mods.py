"""What a person or a script sees of ``zpack mods``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Counterpart, Zpack

MODS = "/api/game/servers/5000/mods"
MOD = {"id": "a.jar", "name": "A", "filename": "a.jar", "enabled": True, "sizeBytes": 4096, "source": None}


async def test_a_search_is_a_table(api: Counterpart, zpack: Zpack) -> None:
    hit = {"slug": "sodium", "title": "Sodium", "downloads": 7}
    hits = [hit | {"installed": flag} for flag in (True, False, None)]
    api.says("GET", "/api/game/mods/search", (200, {"hits": hits}))
    ran = await zpack("mods", "search", "5000", "sodium")
    rows = [line.split() for line in ran.out.splitlines()]
    assert [row[2] for row in rows] == ["INSTALLED", "yes", "no", "?"]


async def test_an_install_tells_what_is_missing(api: Counterpart, zpack: Zpack) -> None:
    needs = [{"projectId": "P7dR8mSH", "slug": "fabric-api", "installed": False}]
    answer = {"ok": True, "installed": ["sodium.jar"], "dependencies": needs, "restartRequired": True}
    api.says("POST", f"{MODS}/install", (200, answer))
    ran = await zpack("mods", "install", "5000", "sodium", "--version", "0.6.0")
    assert ran.out.splitlines() == [
        "installed sodium.jar",
        "it requires fabric-api, which is not installed",
        "restart the game for it to take notice",
    ]
    assert api.asked[-1][2] == {"project": "sodium", "version": "0.6.0", "withDependencies": False}


async def test_a_list_is_a_table_or_json(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", MODS, (200, {"folder": "mods", "mods": [MOD]}))
    assert (await zpack("mods", "list", "5000")).out.splitlines()[1].split() == [
        "a.jar",
        "A",
        "on",
        "-",
        "4",
        "KiB",
    ]
    assert json.loads((await zpack("mods", "list", "5000", "--json")).out) == [MOD]


@pytest.mark.parametrize(("word", "enabled"), [("enable", True), ("disable", False)])
async def test_a_mod_is_switched(api: Counterpart, zpack: Zpack, word: str, enabled: bool) -> None:
    api.says("PATCH", f"{MODS}/a.jar", (200, {"ok": True, "mod": MOD, "restartRequired": False}))
    ran = await zpack("mods", word, "5000", "a.jar")
    assert (ran.status, ran.out) == (0, f"a.jar is {'on' if enabled else 'off'}\n")
    assert api.asked[-1][2] == {"enabled": enabled}


async def test_a_removed_mod_says_where_it_is(api: Counterpart, zpack: Zpack) -> None:
    answer = {"ok": True, "deleted": True, "movedTo": "mods-removed/a.jar", "restartRequired": False}
    api.says("DELETE", f"{MODS}/a.jar", (200, answer))
    assert (await zpack("mods", "remove", "5000", "a.jar")).out == "a.jar is now mods-removed/a.jar\n"


async def test_a_refusal_is_one_line_and_a_status(api: Counterpart, zpack: Zpack) -> None:
    refusal = {"error": "no_compatible_version", "message": "No version of Sodium fits fabric 1.21.4."}
    api.says("POST", f"{MODS}/install", (400, refusal))
    ran = await zpack("mods", "install", "5000", "sodium")
    assert ran.status == 2
    assert ran.err == "zpack: No version of Sodium fits fabric 1.21.4. (no_compatible_version)\n"
