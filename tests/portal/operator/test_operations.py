"""``/admin/operations`` and ``/admin/audit``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.control.audit.store import record
from zpack.control.operations import store

if TYPE_CHECKING:
    from tests.portal.operator.conftest import Begin
    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database

HERE = "/admin/operations"
HOSTILE = "<img src=x onerror=alert(1)>"


async def test_without_operations_the_page_says_so(root: Visitor) -> None:
    assert "No operations" in (await root.get(HERE)).text


async def test_a_failure_is_told_with_code_request_and_owner(
    root: Visitor, ann_id: str, begin: Begin
) -> None:
    name = await begin(ann_id, error={"code": "proxmox_error", "message": HOSTILE})
    row = (await root.get(HERE)).one(f"#{name}")
    assert all(word in row.text for word in ("proxmox_error", HOSTILE, "req_test", "ann"))
    assert not row.select("img")


async def test_operations_are_narrowed(root: Visitor, ann_id: str, begin: Begin) -> None:
    failed = await begin(ann_id, error={"code": "x", "message": "y"})
    running = await begin(ann_id, vmid=5001)
    for query, name in (("status=failed", failed), ("vmid=5001", running)):
        page = await root.get(f"{HERE}?{query}&kind=instance-create")
        assert [row["id"] for row in page.all("tbody tr")] == [name]


@pytest.mark.parametrize(("error", "verb"), [(None, "cancel"), ({"code": "x", "message": "y"}, "retry")])
async def test_one_is_asked_about_and_the_filters_are_kept(
    root: Visitor, ann_id: str, begin: Begin, error: dict[str, str] | None, verb: str
) -> None:
    name = await begin(ann_id, error=error)
    page = await root.get(f"{HERE}?kind=instance-create&vmid=5000")
    page = await root.get(str(page.one(f"#{name} .actions a")["href"]))
    assert page.one("ol.calls")
    page = await root.submit(f"form[action*='/{verb}']")
    assert page.path == f"{HERE}?kind=instance-create&vmid=5000"
    assert page.one("#notices .notice")


async def test_the_kinds_there_are_can_be_chosen(root: Visitor, ann_id: str, begin: Begin) -> None:
    for kind in ("host-stop", "instance-create", "something-new", "host-stop"):
        await begin(ann_id, kind=kind)
    offered = [option["value"] for option in (await root.get(HERE)).all("#kind option")]
    assert offered == ["", "host-stop", "instance-create", "something-new"]


async def test_one_that_has_ended_meanwhile_is_refused_where_it_was_asked(
    root: Visitor, ann_id: str, begin: Begin, database: Database
) -> None:
    name = await begin(ann_id)
    await root.get(f"{HERE}/{name}/cancel")
    async with database.transaction() as session:
        await store.set_finished(session, name, status="succeeded", result={}, error=None)
    page = await root.submit("form[action*='/cancel']")
    assert (page.status, "has succeeded already" in page.one("main [role=alert]").text) == (409, True)


async def test_the_audit_tells_who_did_what(root: Visitor, ann_id: str, database: Database) -> None:
    async with database.transaction() as session:
        record(session, "game.start", actor=ann_id, vmid=5000, said=HOSTILE)
    page = await root.get("/admin/audit?action=game.start&since=2026-01-01")
    [row] = page.all("tbody tr")
    assert row.select_one(f'a[href="/admin/users/{ann_id}"]')
    assert HOSTILE in row.select("dd")[0].text
    assert not row.select("img")


async def test_older_entries_are_a_page_on(root: Visitor, ann_id: str, database: Database) -> None:
    async with database.transaction() as session:
        for number in range(60):
            record(session, "game.start", actor=ann_id, vmid=5000, number=number)
    page = await root.get("/admin/audit?action=game.start")
    assert len(page.all("tbody tr")) == 50
    page = await root.get(str(page.one(".older a")["href"]))
    assert (len(page.all("tbody tr")), page.all(".older")) == (10, [])


async def test_nothing_that_fits_is_said(root: Visitor) -> None:
    page = await root.get("/admin/audit?action=no.such")
    assert (page.one("#action")["value"], "Nothing to show" in page.text) == ("no.such", True)
