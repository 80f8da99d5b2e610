"""What of ``/billing`` needs a browser: the payment page is reached under our policy, and a payment shows by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.chromium import chromium, driven
from tests.support.slowness import slowness

if TYPE_CHECKING:
    from pathlib import Path

    from tests.control.billing.conftest import Platform
    from tests.support.visitor import Visitor

pytestmark = pytest.mark.chromium
PATIENCE_MS = 30_000


async def test_a_payment_is_made_and_shows_by_itself(
    ann: Visitor, platform: Platform, stripe_base: str, tmp_path: Path
) -> None:
    cookies = [{"name": c.key, "value": c.value, "url": ann.base} for c in ann.session.cookie_jar]
    with chromium(tmp_path) as address:
        async with driven(address) as browser:
            context = await browser.new_context()
            context.set_default_timeout(PATIENCE_MS * slowness())
            await context.add_cookies(cookies)  # pyright: ignore[reportArgumentType] - TypedDicts
            page = await context.new_page()
            await page.goto(f"{ann.base}/billing")
            await page.click("text=Choose Pro")
            await page.wait_for_url(f"{stripe_base}/**")
            await platform.complete(page.url)
            await page.goto(f"{ann.base}/billing?paid=1")
            await page.wait_for_selector("#confirming[hx-get$='paid=3']")
            await platform.settle()
            await page.wait_for_selector("h2:has-text('All is paid')")
            await context.close()
