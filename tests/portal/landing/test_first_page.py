"""The first page in a real Chromium: what it weighs, and that nothing moves once it is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.chromium import chromium, driven

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.chromium
BUDGET = 100_000
GOOD = 0.02
WIDTHS = (390, 1440)
WATCH = """
window.moved = 0;
new PerformanceObserver(list => { for (const each of list.getEntries()) window.moved += each.value })
  .observe({type: "layout-shift", buffered: true});
"""
SETTLED = "async () => { await document.fonts.ready; await new Promise(requestAnimationFrame); return moved }"
WEIGHT = """() => performance.getEntriesByType("resource").filter(each => /\\.(js|css)$/.test(each.name))
  .reduce((all, each) => all + each.encodedBodySize, 0)"""


@pytest.fixture(scope="module")
def browser_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    profile: Path = tmp_path_factory.mktemp("chromium")
    with chromium(profile) as address:
        yield address


async def test_the_first_page_is_light_and_stands_still(portal_url: str, browser_address: str) -> None:
    async with driven(browser_address) as browser:
        for width in WIDTHS:
            context = await browser.new_context(viewport={"width": width, "height": 900})
            await context.add_init_script(WATCH)
            page = await context.new_page()
            await page.goto(portal_url, wait_until="load")
            assert await page.evaluate(SETTLED) <= GOOD
            assert 0 < await page.evaluate(WEIGHT) <= BUDGET
            await context.close()
