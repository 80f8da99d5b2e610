"""What of ``/servers`` needs a browser: a long list is narrowed, opened and kept up to date without another page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from tests.support.chromium import PATIENCE_MS, opened
from tests.support.waiting import eventually
from zpack.control.engine.changes import Change, Changes
from zpack.control.power.store import HostOperations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.control.conftest import Clients
    from tests.portal.servers.conftest import GiveServer
    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database

pytestmark = pytest.mark.chromium
THOUSAND = """
insert into instances (vmid, customer_id, ctype, hostname, ip, allocated_ports, payload, agent_state, crash_count)
select number, users.id, 'game', 'mc-paper-' || number, '127.0.0.1', '[]', '{"game": "minecraft"}', 'running', 0
from generate_series(5000, 5999) as number, users where username = 'ann'
"""
IN_VIEW = """(which) => {
  const { top, bottom } = document.querySelector(which).getBoundingClientRect();
  return top > -1 && bottom < innerHeight + 1;
}"""
FOCUSED = "document.activeElement.parentElement.id"
SHOWN = ".chunk:not([data-out]) > details.card:not([hidden])"


async def test_a_thousand_servers_are_narrowed_and_opened(
    ann: Visitor, database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as session:
        await session.execute(text(THOUSAND))
    async with opened(tmp_path, ann) as page:
        await page.goto(f"{ann.base}/servers?q=5432")
        await expect(page.locator(SHOWN)).to_have_count(1, timeout=PATIENCE_MS)
        await page.keyboard.press("Control+k")
        await page.keyboard.type("PAPER 543")
        await expect(page.locator(SHOWN)).to_have_count(11, timeout=PATIENCE_MS)
        await page.wait_for_selector(".found >> text=11 found")
        await page.wait_for_url("**/servers?q=PAPER+543")
        await page.keyboard.press("Escape")
        await expect(page.locator(SHOWN)).to_have_count(1000, timeout=PATIENCE_MS)
        await page.wait_for_url("**/servers")
        await page.fill("input[data-filter]", "paper 5432")
        await page.click(f"{SHOWN} summary")
        await page.wait_for_selector("#card-5432 .card-facts >> text=mc-paper-5432.")
        await page.fill("input[data-filter]", "nobody")
        await page.wait_for_selector("[data-none]:not([hidden])")


async def test_all_of_a_thousand_servers_are_reached_and_what_was_missed_is_made_up_for(
    ann: Visitor, database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as session:
        await session.execute(text(THOUSAND))
    async with opened(tmp_path, ann) as page:
        await page.goto(f"{ann.base}/servers#card-5900")
        await eventually(lambda: page.evaluate(IN_VIEW, "#card-5900"), what="the anchor in view")
        assert await page.evaluate("find('mc-paper-5333')")
        await eventually(lambda: page.evaluate(IN_VIEW, "#card-5333"), what="what was found in view")
        cards = await page.evaluate("[...document.querySelectorAll('details.card')].map((card) => card.id)")
        await page.focus(f"#{cards[700]} summary")
        for card in cards[701:707]:
            await page.keyboard.press("Tab")
            assert await page.evaluate(FOCUSED) == card
        await page.wait_for_selector(":root[data-live=on]")
        async with database.transaction() as session:
            await session.execute(text("delete from instances where vmid = 5010"))
            await session.execute(text("update instances set display_name = 'Friday' where vmid = 5990"))
        await page.evaluate("document.body.dispatchEvent(new CustomEvent('live-resumed'))")
        await page.wait_for_selector("#card-5990 b >> text=Friday")
        await page.locator("#card-5010").wait_for(state="detached")
        assert await page.locator("details.card").count() == 999
        assert await page.evaluate(FOCUSED) == cards[706]


async def test_a_card_changes_by_itself(
    ann: Visitor, give: GiveServer, clients: Clients, tmp_path: Path
) -> None:
    await give(5000)
    assert ann.api is not None
    owner = (await ann.api.get("/api/auth/me")).body["user"]["id"]
    async with opened(tmp_path, ann) as page:
        await page.goto(f"{ann.base}/servers")
        await page.wait_for_selector("#card-5000 em[data-tone=bad]")
        await page.wait_for_selector(":root[data-live=on]")
        await HostOperations(redis=clients.redis).claim(5000, {"id": "op_1", "type": "restart"})
        await Changes(redis=clients.redis).tell(Change("server", "5000", owner))
        await page.wait_for_selector("#card-5000 em >> text=Host is restarting")
