"""A chart says what it knows where one points, and its last figures again when one points elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.person import person
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.portal.gallery import Stage

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
MEMORY = "figure:has(strong:text-is('Memory'))"


async def test_a_chart_is_read_where_one_points(portal: str, browser: Browser, stage: Stage) -> None:
    async with person(browser, portal, "charts") as ann:
        await ann.logs_in(*stage.people["ann"])
        await ann.arrives("/dashboard")

        async def drawn() -> bool:
            await ann.goes(f"/servers/{stage.names['game']}")
            return await ann.page.locator(f"{MEMORY} canvas").count() == 1

        await eventually(drawn, timeout=150, what="the first figures")
        title, key = ann.page.locator(f"{MEMORY} strong"), ann.page.locator(f"{MEMORY} .chart-key span")
        last = await key.text_content()
        plot = ann.page.locator(f"{MEMORY} .u-over")
        await plot.scroll_into_view_if_needed()
        await plot.hover(position={"x": 5, "y": 20})
        assert await title.get_attribute("data-at")
        assert await key.text_content() != last  # an hour ago it was not there
        await ann.page.get_by_role("heading", name="Usage").hover()
        assert await title.get_attribute("data-at") is None
        assert await key.text_content() == last
