"""Debian's Chromium, driven by Playwright. It resolves the names below ``localhost`` itself."""

from __future__ import annotations

import subprocess
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from tests.support.slowness import slowness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from tests.support.visitor import Visitor

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
START_SECONDS = 30.0
PATIENCE_MS = 30_000


@contextmanager
def chromium(profile: Path) -> Iterator[str]:
    """Run one, without a window; return where it is driven from."""
    told = profile / "DevToolsActivePort"
    words = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_SECONDS * slowness()
            while not (told.exists() and told.read_text()):
                assert process.poll() is None, "Chromium ended"
                assert time.monotonic() < deadline, "Chromium does not start"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{told.read_text().split()[0]}"
        finally:
            process.terminate()


@asynccontextmanager
async def driven(address: str) -> AsyncIterator[Browser]:
    """Drive one that runs; what is opened in it is closed again, and it runs on."""
    async with async_playwright() as driver:
        browser = await driver.chromium.connect_over_cdp(address)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened(profile: Path, visitor: Visitor) -> AsyncIterator[Page]:
    """Run one in which this visitor is logged in; yield an empty page of it."""
    cookies = [{"name": c.key, "value": c.value, "url": visitor.base} for c in visitor.session.cookie_jar]
    with chromium(profile) as address:
        async with driven(address) as browser, await browser.new_context() as context:
            context.set_default_timeout(PATIENCE_MS * slowness())
            await context.add_cookies(cookies)  # pyright: ignore[reportArgumentType] - TypedDicts
            yield await context.new_page()
