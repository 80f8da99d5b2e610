"""The page with 1,000 servers, in Debian's Chromium: how long it takes to load, to scroll and to filter.

Servers are rows of the database, whose agents are polled meanwhile. A frame is what passes between two
animation frames while the page is scrolled from its top to its end; the time of a key is from the input
event until the browser has laid the page out again.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.support.ground import Ground, agents, ended, game_proxy, ground, program, ready_line
from tests.support.chromium import chromium, driven
from tests.support.http import PASSWORD, Caller
from tests.support.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Page

SERVERS, LOADS = 1000, 7
SETTLED_SECONDS = 120
KEYS = "mc-fabric 50"
LOADED = """() => {
  const [page] = performance.getEntriesByType("navigation");
  return [page.responseEnd, page.domInteractive, page.loadEventEnd, page.transferSize, page.decodedBodySize];
}"""
SCROLLED = """() => new Promise((done) => {
  const frames = [], step = (document.documentElement.scrollHeight - innerHeight) / 120;
  let before = performance.now(), at = 0;
  const next = (now) => {
    frames.push(now - before); before = now; at += 1;
    scrollTo(0, at * step);
    if (at < 120) requestAnimationFrame(next); else done(frames.slice(2));
  };
  requestAnimationFrame(next);
})"""
FILTERED = """(text) => {
  const input = document.querySelector("input[data-filter]"), times = [];
  for (let end = 1; end <= text.length; end += 1) {
    input.value = text.slice(0, end);
    const began = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.offsetHeight;
    times.push(performance.now() - began);
  }
  return times;
}"""


def told(what: str, times: list[float], goal: str) -> None:
    """Print a median and the worst beside the goal."""
    print(f"{what:34} median {statistics.median(times):6.1f} ms, worst {max(times):6.1f} ms; goal {goal}")


async def measure(page: Page, base: str) -> None:
    """Print all of it."""
    loads: list[list[float]] = []
    for _ in range(LOADS):
        await page.goto(f"{base}/servers", wait_until="load")
        loads.append(await page.evaluate(LOADED))
    assert await page.locator("details.card").count() == SERVERS
    plain, packed = loads[-1][4], loads[-1][3]
    print(f"{'HTML':34} {plain / 1024:.0f} KiB, {packed / 1024:.0f} KiB on the way")
    told("last byte", [each[0] for each in loads], "≤ 250 ms")
    told("interactive", [each[1] for each in loads], "≤ 1,000 ms")
    told("loaded", [each[2] for each in loads], "none")
    frames: list[float] = await page.evaluate(SCROLLED)
    told("a frame while scrolling", frames, "≤ 50 ms at worst")
    for _ in range(3):
        keys: list[float] = await page.evaluate(FILTERED, KEYS)
    told("a key in the filter", keys, "≤ 16 ms")


async def settled(ann: Caller) -> None:
    """Wait until every server was heard of and is known to the edge; until then control is busy with that."""
    for _ in range(SETTLED_SECONDS):
        servers = (await ann.get("/api/servers")).body["servers"]
        waiting = [s for s in servers if not s["ready"] or s["connection"]["state"] == "not_registered"]
        if not waiting:
            return
        await asyncio.sleep(1)
    print(f"{len(waiting)} servers are not ready: control is busy beside what is measured")


async def visited(where: Ground, base: str, folder: Path) -> None:
    """Give somebody the servers, and look at them."""
    async with Caller(base) as anyone, await anyone.registered("ann") as ann:
        owner: dict[str, Any] = (await ann.get("/api/auth/me")).body["user"]
        where.add_servers(owner["id"], range(1, SERVERS + 1))
        await settled(ann)
        with chromium(folder) as address:
            async with driven(address) as browser:
                page = await browser.new_page(viewport={"width": 1440, "height": 900})
                await page.goto(f"{base}/login")
                await page.fill("#identifier", "ann")
                await page.fill("#password", PASSWORD)
                await page.click('form[action="/login"] button')
                await page.wait_for_url("**/dashboard")
                await measure(page, base)


def main() -> None:
    """Start everything, measure, end everything."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    port = free_port()
    base = f"http://localhost:{port}"
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as profile:
        Path(folder).chmod(0o711)
        with (
            ground(Path(folder)) as where,
            agents(SERVERS),
            game_proxy(Path(folder), f"http://127.0.0.1:{port}") as proxy,
        ):
            settings = where.environment | proxy | {"PORT": str(port), "PORTAL_URL": base}
            control = program("zpack.allinone.web", "serve", "--embedded", environment=settings)
            try:
                ready_line(control)
                asyncio.run(visited(where, base, Path(profile)))
            finally:
                ended(control)


if __name__ == "__main__":
    main()
