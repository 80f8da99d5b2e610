"""The whole life of a dev environment through pages: created, opened, a port forwarded, stopped, deleted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.ide.browsing import Developer
from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.person import Person
    from tests.support.platform import Platform

pytestmark = [pytest.mark.ide, pytest.mark.timeout(1800), pytest.mark.asyncio(loop_scope="package")]
CHOSEN = "/servers/create?kind=dev&variant=node&version=24"
HOSTED = re.compile(r"^http://[\w-]+\.ide\.localhost:\d+/")
INSTALLED = 600.0


async def creates(who: Person) -> str:
    """Create one with an editor, and wait until it stands; return its page."""
    await who.goes(CHOSEN)
    await who.presses("Create it")
    opening = who.named(re.compile("^Open$"), "link")
    await opening.wait_for(timeout=who.patience(INSTALLED))
    await opening.click()
    await who.arrives(re.compile(r"/servers/\d+"))
    return re.sub(r"(/servers/\d+).*", r"\1", who.path)


async def opens_its_ide(who: Person) -> None:
    """Follow the link to a tab of its own, and see the workbench under the name that only it has."""
    async with who.context.expect_page() as opened:
        await who.follows("Open IDE")
    developer = Developer(await opened.value, who.name)
    await developer.sees(".monaco-workbench .statusbar-item")  # its folder is empty: no file to wait for
    assert HOSTED.match(developer.page.url)
    assert "token=" not in developer.page.url
    await developer.pictured("ide")
    await developer.page.close()


async def deletes(who: Person, base: str) -> None:
    """Stop its host, type its name, and wait until it is gone."""
    await who.goes(f"{base}/settings")
    name = (await who.page.locator("h1").inner_text()).strip()
    await who.page.locator(".panel").get_by_role("link", name="Stop host…").click()
    await who.presses(re.compile("^Stop host$"))
    await who.page.locator("#server-state").get_by_text("Stopped").wait_for(timeout=who.patience(60))
    await who.fills(re.compile("^Type "), name)
    await who.presses("Delete for good")
    await who.arrives("/servers", seconds=120)
    await who.reads(f"{name} is deleted.")


async def test_from_register_to_delete(platform: Platform, browser: Browser) -> None:
    async with person(browser, platform.said["portal"], "dev-life") as dora:
        await dora.registers("dora")
        await dora.arrives("/servers/create")
        base = await creates(dora)
        await dora.goes(f"{base}/dev")
        await opens_its_ide(dora)
        await dora.page.locator("#ports input[type=number]").fill("8080")
        await dora.presses("Forward")
        await dora.reads("only you")
        await dora.pictured("port")
        await deletes(dora, base)
        await dora.goes("/servers")
        assert not await dora.page.locator(f'a[href="{base}"]').count()
