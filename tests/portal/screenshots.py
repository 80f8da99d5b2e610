"""``make screenshots``: every page and state at three widths, light and dark, below ``.artefacts/portal/pages``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.portal.furniture import furnish
from tests.portal.gallery import PICTURES, looked_at, set_stage
from tests.portal.operator_states import OPERATOR_STATES, furnish_operators
from tests.portal.scene import standing
from tests.portal.states import STATES
from tests.support.chromium import chromium, driven
from tests.support.person import person
from tests.support.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.async_api import Browser

    from tests.portal.gallery import Picture, Place
    from tests.support.person import Person

FOLDER = Path(__file__).parents[2] / ".artefacts" / "portal" / "pages"
WIDTHS = {390: 844, 768: 1024, 1440: 900}
LOOKS = ("light", "dark")
SUBNET = "127.99.0.0/16"
SETTLED_MS = 400


async def main(wanted: list[str]) -> None:
    """Take the pictures, or only those whose names are given."""
    pages, states = chosen(PICTURES, wanted), chosen(STATES + OPERATOR_STATES, wanted)
    with TemporaryDirectory(prefix="zpack-screenshots-") as name, chromium(Path(name)) as address:
        async with driven(address) as browser:
            if pages:
                await take_pages(browser, Path(name) / "home", pages)
            if states:
                await take_states(browser, Path(name) / "scene", states)


def chosen(pictures: Iterable[Picture], wanted: list[str]) -> list[Picture]:
    """Return those that are wanted; all, when none is named."""
    return [picture for picture in pictures if not wanted or picture.name in wanted]


async def take_pages(browser: Browser, home: Path, pictures: list[Picture]) -> None:
    """Take what a whole platform shows."""
    async with Platform(home, subnet=SUBNET, words=("--billing", "--stripe-port", "0")) as platform:
        await take(browser, platform.said["portal"], await set_stage(platform), pictures)


async def take_states(browser: Browser, folder: Path, pictures: list[Picture]) -> None:
    """Take what stands on the scene."""
    folder.mkdir()
    async with standing(folder) as scene:
        await furnish(scene)
        await furnish_operators(scene)
        await take(browser, scene.base, scene, pictures)


async def take(browser: Browser, base: str, place: Place, pictures: list[Picture]) -> None:
    """Take pictures of one place in each look at every width."""
    for look in LOOKS:
        folder = FOLDER / look
        folder.mkdir(parents=True, exist_ok=True)
        for who in dict.fromkeys(picture.who for picture in pictures):
            async with person(browser, base, who, color_scheme=look, reduced_motion="reduce") as visitor:
                async for name in looked_at(pictures, visitor, place):
                    await take_one(visitor, folder / name)


async def take_one(visitor: Person, path: Path) -> None:
    """Take a picture of what is shown at every width."""
    for width, height in WIDTHS.items():
        await visitor.page.set_viewport_size({"width": width, "height": height})
        await visitor.page.wait_for_timeout(SETTLED_MS)
        await visitor.page.screenshot(path=f"{path}-{width}.png", full_page=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
