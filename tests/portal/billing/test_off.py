"""``/billing`` where nothing is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from zpack.control.entitlements import store as entitlements

if TYPE_CHECKING:
    from tests.support.visitor import Visitor
    from zpack.control.wiring import Clients


@pytest.fixture
def extra(port: int) -> dict[str, Any]:
    return {"portal_url": f"http://localhost:{port}"}


async def test_it_says_that_there_is_nothing_to_pay(ann: Visitor) -> None:
    page = await ann.get("/billing")
    assert page.one("#standing").get_text() == "Nothing to pay"
    assert not page.all('form[action="/billing/checkout"]')


async def test_a_banner_leads_here_from_every_page(ann: Visitor, clients: Clients) -> None:
    assert ann.api is not None
    assert not (await ann.get("/dashboard")).all(".banner")
    user = (await ann.api.get("/api/auth/me")).body["user"]["id"]
    async with clients.database.transaction() as session:
        await entitlements.grant(session, user, billing_status="suspended", server_state="suspended_shutdown")
    banner = (await ann.get("/dashboard")).one("a.banner[href='/billing']")
    assert "suspended" in banner.get_text()
    async with clients.database.transaction() as session:
        await entitlements.grant(session, user, billing_status="past_due", server_state="allowed")
    assert "payment failed" in (await ann.get("/dashboard")).one(".banner").get_text()


async def test_administrators_who_are_held_see_none(root: Visitor, clients: Clients) -> None:
    assert root.api is not None
    user = (await root.api.get("/api/auth/me")).body["user"]["id"]
    async with clients.database.transaction() as session:
        await entitlements.hold(session, user, "by mistake")
    assert not (await root.get("/dashboard")).all(".banner")
