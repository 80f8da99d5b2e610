"""From sign-up to playing, and to the end: the whole life of a game server, through pages alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.journeys.test_main_job import joined
from tests.support.person import person
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.support.person import Person
    from tests.support.platform import Platform

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]


async def chooses_a_game(who: Person) -> str:
    """Take what is offered, step by step; create it, and wait until players can join. Return its id."""
    await who.follows(re.compile("Game server"))
    await who.follows(re.compile("Flying-squid", re.IGNORECASE))
    await who.follows(re.compile(r"^1\.21\.4"))
    await who.presses(re.compile("^Create"))
    await who.arrives(re.compile(r"/servers/create/op_\w+"))
    await who.pictured("creating")
    opened = who.named(re.compile("^Open"), "link")
    await opened.wait_for(timeout=who.patience(60))
    await opened.click()
    await who.arrives(re.compile(r"/servers/\d+"))
    return who.path.split("/")[2]


async def test_a_game_server_from_sign_up_to_its_end(
    platform: Platform, portal: str, browser: Browser
) -> None:
    async with person(browser, portal, "eva") as eva, person(browser, portal, "eva-elsewhere") as elsewhere:
        await eva.goes("/")
        await eva.follows(re.compile("Get started"))
        await eva.registers("eva")
        await eva.arrives("/servers/create")
        vmid = await chooses_a_game(eva)
        name = await eva.page.locator("[data-copy]").first.get_attribute("data-copy")
        assert name is not None
        seen = await joined(platform, name, "Eva", "1.21.4")
        assert seen
        await eva.pictured("running")

        await elsewhere.logs_in("eva")
        await elsewhere.goes("/servers")
        card = elsewhere.page.locator(f"#card-{vmid}")
        await card.get_by_text("Players can join").first.wait_for(timeout=elsewhere.patience())
        await says_something(eva, vmid)
        home = platform.home / "localpve" / "guests" / vmid / "root/opt/zlh/minecraft/flying-squid/world"
        await changes_files(eva, home)
        await keeps_a_backup(eva, vmid)
        await stops_the_host(eva, vmid)
        await card.get_by_text("Host stopped").first.wait_for(timeout=elsewhere.patience(30))
        await elsewhere.pictured("saw-it-stop")
        await deletes(eva, vmid)
        await card.wait_for(state="detached", timeout=elsewhere.patience(40))


async def says_something(who: Person, vmid: str) -> None:
    """Use the console, lose the network, and come back: every line is there, and once."""
    await who.goes(f"/servers/{vmid}/console")
    state, rows = who.page.locator("[data-said]"), who.page.locator(".xterm-rows")
    line = who.page.locator("form[data-line] input[name=command]")
    for word, network in (("before", True), ("after", False)):
        await state.get_by_text("Connected", exact=True).wait_for(timeout=who.patience(40))
        await line.fill(f"say {word}")
        await line.press("Enter")
        await rows.get_by_text(f"[Server] {word}").first.wait_for(timeout=who.patience())
        if network:
            await who.context.set_offline(True)
            await state.get_by_text("You are offline").wait_for(timeout=who.patience())
            await who.context.set_offline(False)
    assert (await rows.inner_text()).count("[Server] before") == 1
    await who.pictured("console")


async def changes_files(who: Person, folder: Path) -> None:
    """Change a file in the editor, and upload another; both lie where the game finds them."""
    properties, packs = folder / "server.properties", folder / "world" / "datapacks"
    properties.write_text("difficulty=easy\n")
    packs.mkdir(parents=True, exist_ok=True)
    await who.goes(f"/servers/{folder_id(folder)}/files")
    await who.follows("server.properties")
    await who.page.locator(".cm-content").click(timeout=who.patience())
    await who.page.keyboard.press("Control+Home")
    await who.page.keyboard.type("motd=Eva's island\n")
    await who.page.keyboard.press("Control+s")
    await eventually(
        lambda: properties.read_text() == "motd=Eva's island\ndifficulty=easy\n", what="what was typed"
    )
    await who.pictured("editor")
    await who.goes(f"/servers/{folder_id(folder)}/files?path=world%2Fdatapacks")
    pack = {"name": "island.zip", "mimeType": "application/zip", "buffer": b"PK" + bytes(3 << 20)}
    await who.page.locator("[data-picker] input").set_input_files(pack)
    await who.page.get_by_role("link", name="island.zip", exact=True).wait_for(timeout=who.patience(30))
    assert (packs / "island.zip").stat().st_size == 2 + (3 << 20)
    await who.pictured("files")


def folder_id(folder: Path) -> str:
    """Return the id of the server that a folder below localpve's guests belongs to."""
    return folder.parts[folder.parts.index("guests") + 1]


async def keeps_a_backup(who: Person, vmid: str) -> None:
    await who.goes(f"/servers/{vmid}/backups")
    await who.page.locator("input[name=label]").fill("before the party")
    await who.presses("Back up now")
    await who.reads("before the party", seconds=30)


async def stops_the_host(who: Person, vmid: str) -> None:
    await who.goes(f"/servers/{vmid}/settings")
    await who.follows(re.compile("Stop host"))
    await who.page.locator("dialog[open] button:not([type=button])").click()
    await who.reads(re.compile("Host stopped|host is not running|Stopped"), seconds=40)


async def deletes(who: Person, vmid: str) -> None:
    await who.goes(f"/servers/{vmid}/settings")
    await who.page.locator("input[name=name]").fill((await who.page.locator("h1").inner_text()).strip())
    await who.presses("Delete for good")
    await who.arrives("/servers", seconds=60)
