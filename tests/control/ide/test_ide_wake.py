"""Opening the IDE of a container that sleeps starts it, and shows a page that comes again by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.control.ide.conftest import Browser, entered, in_database

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.wiring import Clients

PAGE = {"Accept": "text/html,*/*"}


@pytest.fixture
async def sleeper(clients: Clients, ann: Caller) -> int:
    """Ann's container, where nobody listens, because it sleeps."""
    await in_database(clients, ann, 6000, "127.61.0.9")
    async with clients.database.transaction() as session:
        await session.execute(
            text("insert into idle_servers (vmid, asleep_since, reason) values (6000, now(), 'x')")
        )
    return 6000


async def starts(clients: Clients) -> int:
    async with clients.database.transaction() as session:
        query = "select count(*) from operations where vmid = 6000 and kind = 'host-start'"
        return await session.scalar(text(query)) or 0


async def test_a_token_wakes_it_once(clients: Clients, ann: Caller, sleeper: int) -> None:
    replies = [await ann.post(f"/api/dev/{sleeper}/ide-token") for _ in range(2)]
    assert [reply.body["state"] for reply in replies] == ["starting", "starting"]
    assert await starts(clients) == 1


async def test_a_browser_that_is_in_sees_it_start(
    clients: Clients, ann: Caller, browser: Browser, sleeper: int
) -> None:
    where = await entered(browser, ann, sleeper, hosted=False)
    async with clients.database.transaction() as session:
        await session.execute(text("delete from operations"))
        await session.execute(text("update idle_servers set woken_at = null"))
    await clients.redis.flushall()
    page = await browser.ask(f"{where}/", headers=PAGE)
    assert (page.status, page.headers["retry-after"]) == (503, "3")
    assert page.headers["refresh"] == "3"
    assert b"starting" in page.body
    assert await starts(clients) == 1


async def test_a_script_s_request_gets_no_page(ann: Caller, browser: Browser, sleeper: int) -> None:
    where = await entered(browser, ann, sleeper, hosted=False)
    assert (await browser.ask(f"{where}/x.js")).status == 502


async def test_one_that_does_not_sleep_is_not_started(
    clients: Clients, ann: Caller, browser: Browser
) -> None:
    await in_database(clients, ann, 6000, "127.61.0.9")
    where = await entered(browser, ann, 6000, hosted=False)
    assert (await browser.ask(f"{where}/", headers=PAGE)).status == 503
    assert await starts(clients) == 0


async def test_a_stranger_wakes_nothing(
    clients: Clients, bob: Caller, browser: Browser, sleeper: int
) -> None:
    assert (await bob.post(f"/api/dev/{sleeper}/ide-token")).status == 404
    assert (await browser.ask(f"/__ide/{sleeper}/", headers=PAGE)).status == 401
    assert await starts(clients) == 0
