"""``make screenshots``: every page at three widths, light and dark, below ``.artefacts/portal/pages``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.portal.gallery import PICTURES, set_stage
from tests.support.chromium import chromium, driven
from tests.support.person import Person, person
from tests.support.platform import Platform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.portal.gallery import Stage

FOLDER = Path(__file__).parents[2] / ".artefacts" / "portal" / "pages"
WIDTHS = {390: 844, 768: 1024, 1440: 900}
LOOKS = ("light", "dark")
SUBNET = "127.99.0.0/16"
SETTLED_MS = 400


async def main(wanted: list[str]) -> None:
    """Take the pictures, or only those whose names are given."""
    with TemporaryDirectory(prefix="zpack-screenshots-") as folder:
        home = Path(folder) / "home"
        async with Platform(home, subnet=SUBNET, words=("--billing", "--stripe-port", "0")) as platform:
            stage = await set_stage(platform)
            with chromium(Path(folder)) as address:
                async with driven(address) as browser:
                    async for visitor, look, width in visitors(browser, platform.said["portal"], stage):
                        await take(visitor, stage, look, width, wanted)


async def visitors(browser: Browser, base: str, stage: Stage) -> AsyncIterator[tuple[Person, str, int]]:
    """Yield somebody of each kind in each look at each width, logged in."""
    for look in LOOKS:
        for who in ("nobody", *stage.people):
            async with AsyncExitStack() as kept:
                one = await kept.enter_async_context(person(browser, base, who, color_scheme=look))
                if who in stage.people:
                    await one.logs_in(*stage.people[who])
                    await one.arrives("/dashboard")
                for width, height in WIDTHS.items():
                    await one.page.set_viewport_size({"width": width, "height": height})
                    yield one, look, width


async def take(visitor: Person, stage: Stage, look: str, width: int, wanted: list[str]) -> None:
    """Take every picture of one person in one look at one width."""
    for picture in PICTURES:
        if picture.who != visitor.name or (wanted and picture.name not in wanted):
            continue
        await visitor.goes(picture.path.format(**stage.names))
        await visitor.page.wait_for_timeout(SETTLED_MS)
        folder = FOLDER / look
        folder.mkdir(parents=True, exist_ok=True)
        await visitor.page.screenshot(path=folder / f"{picture.name}-{width}.png", full_page=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
