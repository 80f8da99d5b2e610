"""From the portal's first page to playing, as somebody who has never seen it: presses, fields, seconds.

A real Chromium on a platform that is up: ``python benchmarks/portal_signup.py http://localhost:4000``. With
``zpack up --isolation process`` the server that is made is a real one.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.chromium import chromium, driven
from tests.support.http import PASSWORD

if TYPE_CHECKING:
    from playwright.async_api import Browser

GOAL_SECONDS = 120
PATIENCE_MS = 240_000
PRESSES = (
    'main a[href="/register"]',
    'form[action="/register"] button:not([type=button])',
    'form[action$="/quick"] button',
)
SEEN = {"an address to copy": ".join-address code", "players can join": '.join[data-open="yes"]'}


async def measure(browser: Browser, base: str) -> None:
    """Sign up, make a server, and print when what was there."""
    name = f"new-{secrets.token_hex(4)}"
    fields = {"email": f"{name}@example.org", "username": name, "password": PASSWORD}
    async with await browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        began = time.monotonic()
        await page.goto(base)
        for press in PRESSES:
            if "register" in press and "button" in press:
                for field, value in fields.items():
                    await page.locator(f"input[name={field}]").fill(value)
            await page.locator(press).locator("visible=true").last.click()
        print(f"{len(PRESSES)} presses, {len(fields)} fields")
        for what, selector in SEEN.items():
            await page.locator(selector).wait_for()
            print(f"{what:<19} after {time.monotonic() - began:5.1f} s (goal <= {GOAL_SECONDS})")


async def main(base: str) -> None:
    """Run a browser for it."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as driver:
        async with driven(driver) as browser:
            await measure(browser, base.rstrip("/"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
