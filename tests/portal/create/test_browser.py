"""What of ``/servers/create`` needs a browser: a name goes along with every way back, and a double click asks once."""

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


async def test_a_name_goes_along_and_a_second_click_sends_no_second_request(
    ann: Visitor, tmp_path: Path
) -> None:
    async with opened(tmp_path, ann) as page:
        await page.goto(ann.base + CHOSEN)
        await page.locator("#displayName").fill("Friday Night")
        await page.locator(".trail a").last.click()
        await page.wait_for_url("**displayName=Friday*")
        await page.go_back()
        assert await page.locator(f"{FORM} button").first.evaluate(TWICE) == [True, False]
        await page.wait_for_url("**/servers/create/op_*")
