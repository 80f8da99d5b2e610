"""What of ``/servers/create`` needs a browser: steps without loading, and a double click asks once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.create.test_create import CHOSEN, FORM
from tests.support.chromium import opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.visitor import Visitor

pytestmark = pytest.mark.chromium


TWICE = """button => {
  const sent = [];
  window.addEventListener("submit", (event) => sent.push(!event.defaultPrevented));
  button.click(); button.click();
  return sent;
}"""


async def test_steps_keep_focus_and_address_and_going_back_works(ann: Visitor, tmp_path: Path) -> None:
    async with opened(tmp_path, ann) as page:
        await page.goto(ann.base + "/servers/create")
        await page.evaluate("() => { window.here = true }")
        focused = page.locator("h2:focus")
        for pick, asked in (("Game server", "Which game?"), ("flying-squid", "Which version")):
            await page.locator(".pick", has_text=pick).click()
            await focused.filter(has_text=asked).wait_for()
        assert await page.evaluate("() => window.here")
        await page.wait_for_url("**?kind=game&game=minecraft&variant=flying-squid")
        await page.locator(".pick").first.press("Enter")
        await page.locator("#memoryMiB").fill("4096")
        await page.locator("#asks [data-over]").wait_for()
        await page.go_back()
        await page.locator("h2", has_text="Which version").wait_for()
        await page.go_back()
        await page.locator("h2", has_text="Which game?").wait_for()
        await page.wait_for_url("**?kind=game")


async def test_a_name_goes_along_and_a_second_click_sends_no_second_request(
    ann: Visitor, tmp_path: Path
) -> None:
    async with opened(tmp_path, ann) as page:
        await page.goto(ann.base + CHOSEN)
        await page.locator("#displayName").fill("Friday Night")
        await page.locator(".trail a").last.click()
        await page.wait_for_url("**displayName=Friday*")
        await page.locator("a.pick").first.click()
        assert await page.locator("#displayName").input_value() == "Friday Night"
        assert await page.locator(f"{FORM} button").first.evaluate(TWICE) == [True, False]
        await page.wait_for_url("**/servers/create/op_*")
