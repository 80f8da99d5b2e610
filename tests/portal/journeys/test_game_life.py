"""From sign-up to playing, and to the end: the whole life of a game server, through pages alone."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from mcstatus import JavaServer

from tests.support.person import person
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.person import Person
    from tests.support.platform import Platform

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
CREATE = 'form[action^="/servers/create"]'


async def creates_a_server(who: Person) -> str:
    """Choose the first engine there is, create, and wait until it runs; return the server's id."""
    await who.goes("/servers/create?kind=game&game=minecraft&variant=flying-squid&version=1.21.4")
    await who.page.locator(f"{CREATE} button:not([type=button])").last.click()
    await who.page.wait_for_url(re.compile(r"/servers/(create/)?(op_\w+|\d+)$"), timeout=who.patience())
    link = who.page.locator('a[href^="/servers/5"]').first
    await link.wait_for(timeout=who.patience(60))
    return str(await link.get_attribute("href")).split("/")[2]


async def answers(platform: Platform, hostname: str) -> bool:
    """Say whether the server answers a game client by its name on the one player port."""
    host, port = platform.edge
    server = JavaServer(f"{hostname}.zpack.localhost", port, timeout=5)
    server.address._cached_ip = host  # names below localhost are for browsers; a resolver here has none
    try:
        return bool((await server.async_status()).version.name)
    except OSError:
        return False


async def test_from_the_first_page_to_the_last(platform: Platform, portal: str, browser: Browser) -> None:
    async with person(browser, portal, "game-life") as eva, person(browser, portal, "game-life-2") as again:
        await eva.goes("/")
        await eva.follows("Get started")
        await eva.registers("eva")
        await eva.arrives(re.compile(r"/(servers/create|dashboard|servers)"))
        vmid = await creates_a_server(eva)
        await eva.goes(f"/servers/{vmid}")
        shown = await eva.page.locator("[data-copy]").first.get_attribute("data-copy")
        assert shown is not None
        await eventually(
            lambda: answers(platform, shown.split(".")[0]), timeout=30, what="an answer to a game client"
        )
        await eva.pictured("running")
        await again.logs_in("eva")
        await again.arrives("/dashboard")
        await again.goes("/servers")
        card = again.page.locator(f"#server-{vmid}")
        await card.wait_for()
        await stops_the_host(eva, vmid)
        await card.get_by_text(re.compile("stopped|off", re.IGNORECASE)).first.wait_for(
            timeout=again.patience(30)
        )
        await again.pictured("sees-it-stop")
        await deletes(eva, vmid)
        await card.wait_for(state="detached", timeout=again.patience(40))


async def stops_the_host(who: Person, vmid: str) -> None:
    await who.goes(f"/servers/{vmid}/settings")
    await (
        who.page.locator(f'form[action="/servers/{vmid}/power"]')
        .filter(has=who.page.locator("input[name=action][value=stop], button[value=stop]"))
        .last.evaluate("form => form.requestSubmit(form.querySelector('button'))")
    )


async def deletes(who: Person, vmid: str) -> None:
    async def stopped() -> bool:
        await who.goes(f"/servers/{vmid}/delete")
        return bool(await who.page.locator('form[action$="/delete"] button:not([disabled])').count())

    await eventually(stopped, timeout=40, what="a server that may be deleted")
    name = (await who.page.locator("h1").inner_text()).strip()
    for box in await who.page.locator('form[action$="/delete"] input[type=text]').all():
        await box.fill(name)
    await who.page.locator('form[action$="/delete"] button:not([type=button])').first.click()
    await asyncio.sleep(0)
