"""What a suspended account reads, and one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.visitor import Visitor


async def suspended(root: Visitor, ann: Visitor) -> None:
    assert ann.api is not None
    assert root.api is not None
    her = (await ann.api.get("/api/auth/me")).body["user"]["id"]
    assert (await root.api.post(f"/api/admin/users/{her}/suspend", {"reason": "<spam>"})).status == 200


async def test_who_is_suspended_by_hand_is_led_to_support(ann: Visitor, root: Visitor) -> None:
    await suspended(root, ann)
    page = await ann.get("/account-suspended")
    assert "is suspended" in page.one("h1").get_text()
    assert page.one("main a[data-kind=primary]")["href"] == "/support"


async def test_who_is_not_reads_that_all_is_well(ann: Visitor) -> None:
    page = await ann.get("/account-suspended")
    assert "is not suspended" in page.text
    assert page.one('main a[href="/servers"]')


async def test_strangers_are_asked_to_log_in(visitor: Visitor) -> None:
    assert (await visitor.get("/account-suspended")).path == "/login?next=/account-suspended"
