"""The portal's first page in a real Chromium: bytes, when it can be used, and how much of it moves.

The API and the pages run in one process on loopback; each round is a visitor who has nothing kept. Beside each
figure stands its goal; bytes are those that cross the wire, compressed.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.support.ground import ended, ground, program, ready_line
from tests.support.chromium import chromium, driven
from tests.support.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser

ROUNDS = 7
PAGES = ("/", "/login", "/pricing")
WATCH = """
window.moved = 0;
new PerformanceObserver(list => { for (const each of list.getEntries()) window.moved += each.value })
  .observe({type: "layout-shift", buffered: true});
"""
FIGURES = """async () => {
  await document.fonts.ready; await new Promise(requestAnimationFrame);
  const [page] = performance.getEntriesByType("navigation");
  const parts = performance.getEntriesByType("resource");
  const sum = found => found.reduce((all, each) => all + each.encodedBodySize, 0);
  return {
    code: sum(parts.filter(each => /\\.(js|css)$/.test(each.name))), all: page.encodedBodySize + sum(parts),
    interactive: page.domInteractive, content: page.domContentLoadedEventEnd, load: page.loadEventEnd, moved,
  };
}"""


async def visited(browser: Browser, address: str) -> dict[str, float]:
    """Return one new visitor's figures of a page."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.add_init_script(WATCH)
    page = await context.new_page()
    answer = await page.goto(address, wait_until="load")
    assert answer is not None
    assert answer.ok, f"{address}: {answer.status}"
    found: dict[str, float] = await page.evaluate(FIGURES)
    await context.close()
    return found


async def measure(base: str, driver: str) -> None:
    """Print the figures of each page."""
    async with driven(driver) as browser:
        await visited(browser, base)
        for path in PAGES:
            rounds = [await visited(browser, base + path) for _ in range(ROUNDS)]
            seen = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
            print(
                f"{path:<9} script and style {seen['code'] / 1e3:5.1f} kB (goal <= 100), all {seen['all'] / 1e3:5.1f} kB"
            )
            print(
                f"{'':<9} interactive {seen['interactive']:4.0f} ms, DOMContentLoaded {seen['content']:4.0f} ms"
                f" (goal <= 1,000), load {seen['load']:4.0f} ms, CLS {seen['moved']:.4f} (goal 0)"
            )


def main() -> None:
    """Serve the portal, and look at it."""
    port = free_port()
    base = f"http://localhost:{port}"
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as profile:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where:
            settings = where.environment | {"PORT": str(port), "PORTAL_URL": base}
            control = program("zpack.allinone.web", "serve", environment=settings)
            try:
                ready_line(control)
                with chromium(Path(profile)) as driver:
                    asyncio.run(measure(base, driver))
            finally:
                ended(control)


if __name__ == "__main__":
    main()
