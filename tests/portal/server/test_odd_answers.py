"""Answers of a host that nobody can make sense of: its owner may have put another program there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.portal.server.conftest import Hers
    from tests.support.visitor import Visitor

LISTING = {"entries": [], "truncated": False}
ENTRY = {"name": "x", "path": "x", "type": "file", "size": 1, "modified": "now"}

ASKED = [
    *("/game/files/list", "/game/files/stat", "/game/files/read", "/game/backups", "/game/mods"),
    *("/dev/files/list", "/dev/files/stat", "/dev/files/read", "/console/log"),
]
PAGES = [
    *("5000", "5000/console", "5000/console/log", "5000/files", "5000/files/edit?path=x", "5000/backups"),
    *("5000/backups/list", "5000/mods", "5000/activity", "5000/settings", "5000/condition", "5000/charts"),
    *("6000/dev", "6000/dev/workspace", "6000/files", "6000/files/edit?path=x", "6000/console"),
]


@pytest.mark.parametrize(
    "answer",
    [{}, [], None, "x", LISTING | {"entries": 1}, LISTING | {"entries": [1]},
     LISTING | {"entries": [ENTRY | {"size": "big"}]}, LISTING | {"entries": [ENTRY | {"allowed": 1}]},
     LISTING | {"unnamed": "many"}, {"entries": []}],
)  # fmt: skip
async def test_a_listing_without_sense_is_said_to_be_one(hers: Hers, ann: Visitor, answer: Any) -> None:
    hers.says("/game/files/list", answer)
    page = await ann.get("/servers/5000/files")
    assert (page.status, "makes no sense" in page.text) == (200, True)


async def test_a_listing_with_odd_times_is_shown(hers: Hers, ann: Visitor) -> None:
    odd = ["", "x", "0001-01-01T00:00:00+23:59", "9" * 40]
    entries = [ENTRY | {"name": f"f{number}", "modified": moment} for number, moment in enumerate(odd)]
    hers.says("/game/files/list", {"entries": entries, "truncated": False})
    page = await ann.get("/servers/5000/files")
    assert (page.status, [f"f{n}" in page.text for n in range(4)]) == (200, [True] * 4)


@pytest.mark.parametrize(
    "answer", [{}, [], None, "x", 7, {"mods": [1], "backups": [None], "players": 5}, [[]]]
)
async def test_no_answer_at_all_makes_a_page_fail(hers: Hers, ann: Visitor, answer: Any) -> None:
    for path in ASKED:
        hers.says(path, answer)
    shown = {page: (await ann.get(f"/servers/{page}")).status for page in PAGES}
    assert {
        page: status for page, status in shown.items() if status >= 500 and status not in (502, 503)
    } == {}
