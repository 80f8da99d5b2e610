"""axe finds nothing on any page, in both looks, on a phone and on a desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.gallery import PICTURES
from tests.support.axe import violations
from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.portal.gallery import Stage

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
LOOKS = {"dark": {"width": 390, "height": 844}, "light": {"width": 1440, "height": 900}}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("who", ["nobody", "new", "ann", "admin"])
async def test_axe_finds_nothing(who: str, look: str, browser: Browser, portal: str, stage: Stage) -> None:
    found: dict[str, list[str]] = {}
    async with person(browser, portal, who, color_scheme=look, viewport=LOOKS[look]) as visitor:
        if who in stage.people:
            await visitor.logs_in(*stage.people[who])
            await visitor.arrives("/dashboard")
        for picture in PICTURES:
            if picture.who == who:
                await visitor.goes(picture.path.format(**stage.names))
                found[picture.name] = await violations(visitor.page)
    assert {name: lines for name, lines in found.items() if lines} == {}
