"""What of ``/servers/create`` needs a browser: whoever clicks twice asks once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.create.test_create import CHOSEN, FORM
from tests.support.chromium import opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.visitor import Visitor

pytestmark = pytest.mark.chromium


async def test_a_double_click_sends_one_request(ann: Visitor, tmp_path: Path) -> None:
    sent: list[str] = []
    async with opened(tmp_path, ann) as page:
        page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
        await page.goto(ann.base + CHOSEN)
        await page.dblclick(f"{FORM} button")
        await page.wait_for_url("**/servers/create/op_*")
    assert sent.count(f"POST {ann.base}/servers/create") == 1
