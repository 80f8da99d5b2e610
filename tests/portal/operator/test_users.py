"""``/admin/users`` and ``/admin/plans``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.visitor import Visitor

USERS, PLANS = "/admin/users", "/admin/plans"
PLAN = {"id": "extra", "name": "Extra", "priceCents": "1900", "gameServers": "4", "memoryMb": ""}


async def test_accounts_are_searched(root: Visitor, ann_id: str) -> None:
    page = await root.get(f"{USERS}?q=ann")
    assert [row["id"] for row in page.all("tbody tr")] == [ann_id]
    assert "Nobody found" in (await root.get(f"{USERS}?q=%25")).text


async def test_an_account_is_suspended_with_a_reason_and_let_go(root: Visitor, ann_id: str) -> None:
    asked = await root.get(f"{USERS}/{ann_id}/suspend")
    assert "There are no servers to stop." in asked.one("ol.calls").text
    page = await root.submit("form.form", reason="<b>spam</b>")
    assert page.path == f"{USERS}/{ann_id}"
    assert "<b>spam</b>" in page.one("main [role=alert]").text
    assert "suspended" in (await root.get(f"{USERS}?q=ann")).one(f"#{ann_id}").text
    await root.get(f"{USERS}/{ann_id}/unsuspend")
    assert not (await root.submit("form.form")).all("main [role=alert]")


async def test_a_suspension_needs_its_reason(root: Visitor, ann_id: str) -> None:
    await root.get(f"{USERS}/{ann_id}/suspend")
    page = await root.submit("form.form", reason=" ")
    assert (page.status, page.one("#reason")["aria-invalid"]) == (400, "true")


@pytest.mark.parametrize(
    ("there", "back", "told"), [("promote", "demote", "cannot be suspended"), ("exempt", "charge", "exempt")]
)
async def test_roles_and_exemptions_are_given_and_taken(
    root: Visitor, ann_id: str, there: str, back: str, told: str
) -> None:
    await root.get(f"{USERS}/{ann_id}/{there}")
    page = await root.submit("form.form")
    assert told in page.text
    assert page.one(f'a[href="{USERS}/{ann_id}/{back}"]')
    await root.get(f"{USERS}/{ann_id}/{back}")
    assert told not in (await root.submit("form.form")).text


async def test_the_last_administrator_stays_one(root: Visitor) -> None:
    assert root.api is not None
    me = (await root.api.get("/api/auth/me")).body["user"]["id"]
    await root.get(f"{USERS}/{me}/demote")
    page = await root.submit("form.form")
    assert (page.status, "last administrator" in page.one("main [role=alert]").text) == (409, True)


async def test_a_plan_is_made_changed_and_archived(root: Visitor) -> None:
    await root.get(f"{PLANS}/new")
    page = await root.submit("main form", **PLAN)
    assert (page.path, "without limit" in page.text) == (PLANS, True)
    page = await root.get(f"{PLANS}/extra")
    assert (page.one("#gameServers")["value"], page.one("#memoryMb")["value"]) == ("4", "")
    told = {str(one["name"]): str(one["value"]) for one in page.all("main input:not([type=checkbox])")}
    told |= {"name": "<i>More</i>", "interval": "month"}
    page = await root.send("POST", f"{PLANS}/extra", data=told, headers={"Origin": root.base})
    assert [[cell.text for cell in row.select("th, td")] for row in page.all("tbody tr")] == [
        ["Name", "Extra", "<i>More</i>"],
        ["Offered", "yes", "no"],
    ]
    page = await root.submit("main form")
    tile = page.one("li:has(a[href$=extra])")
    assert ("<i>More</i>" in tile.text, "archived" in tile.text, tile.select("i")) == (True, True, [])


@pytest.mark.parametrize(
    "wrong", [{"priceCents": "many"}, {"gameServers": "-1"}, {"id": "A B"}, {"memoryMb": "9" * 40}]
)
async def test_a_plan_that_is_none_is_told_beside_what_was_typed(
    root: Visitor, wrong: dict[str, str]
) -> None:
    await root.get(f"{PLANS}/new")
    page = await root.submit("main form", **(PLAN | wrong))
    assert (page.status, len(page.all("main [role=alert]"))) == (400, 1)
    assert all(page.one(f"#{name}")["value"] == value for name, value in wrong.items())


async def test_the_ledger_is_empty_where_nobody_pays(root: Visitor) -> None:
    page = await root.get(f"{PLANS}/ledger")
    assert "Every event of Stripe was acted on." in page.text
