"""What a person or a script sees of ``zpack backups``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cli.conftest import Counterpart, Zpack

PATH = "/api/game/servers/5000/backups"
BACKUP = {
    "id": "b1",
    "createdAt": "2026-11-25T20:00:00Z",
    "type": "manual",
    "sizeBytes": 3 << 20,
    "label": "x",
}


def operation(state: str, **more: Any) -> dict[str, Any]:
    known = {"id": "op-1", "type": "restore", "backup": "b1", "checkpoint": "c1", "error": None}
    return {"operation": {**known, "state": state, **more}}


def working(api: Counterpart, *states: dict[str, Any]) -> None:
    status = {"operationInProgress": True, "operationMessage": "unpacking 40%"}
    api.says("GET", "/api/servers/5000/status", (200, status))
    api.says("GET", PATH, *((200, {"backups": [], **state}) for state in states))


async def test_the_list_is_a_table(api: Counterpart, zpack: Zpack) -> None:
    api.says("GET", PATH, (200, {"backups": [BACKUP]}))
    ran = await zpack("backups", "list", "5000")
    assert ran.out.splitlines()[1].split() == ["b1", "2026-11-25T20:00:00Z", "manual", "3.0", "MiB", "x"]


async def test_a_create_that_is_done_at_once(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", PATH, (201, {"backup": BACKUP}))
    assert (await zpack("backups", "create", "5000", "--label", "x")).out == "backup b1 is made\n"
    assert api.asked[-1][2] == {"label": "x"}


async def test_a_restore_is_followed_to_its_end(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", f"{PATH}/restore", (202, operation("running")))
    working(api, operation("running"), operation("succeeded"))
    ran = await zpack("backups", "restore", "5000", "b1", "--yes")
    assert (ran.status, ran.err) == (0, "unpacking 40%\n")
    assert ran.out == "backup b1 is restored; before it: checkpoint c1\n"


async def test_a_restore_that_fails_says_why(api: Counterpart, zpack: Zpack) -> None:
    api.says("POST", f"{PATH}/restore", (202, operation("running")))
    working(api, operation("failed", error={"code": "backup_damaged", "message": "it is not what it was"}))
    ran = await zpack("backups", "restore", "5000", "b1", "--yes", "--json")
    assert (ran.status, json.loads(ran.out)["error"]) == (1, "backup_damaged")


async def test_a_delete_of_one_that_is_not_there(api: Counterpart, zpack: Zpack) -> None:
    details = {"error": "Failed to delete backup", "message": "there is no such backup"}
    api.says("DELETE", f"{PATH}/b1", (404, details))
    ran = await zpack("backups", "delete", "5000", "b1")
    assert (ran.status, ran.err) == (4, "zpack: there is no such backup (Failed to delete backup)\n")
