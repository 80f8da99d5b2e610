"""The page with 1,000 servers, in Debian's Chromium: how long it takes to load, to scroll and to filter.

Servers are rows of the database, whose agents are polled meanwhile. A frame is what passes between two
animation frames while the page is scrolled from its top to its end; the time of a key is from the input
event until the browser has laid the page out again. Beside it stands what the machine itself can do: the same
scroll over 1,000 lines of bare text; and what the main thread works for a frame, by its own clock, which a busy
machine disturbs less.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.support.ground import (
    Ground,
    agents,
    ended,
    game_proxy,
    ground,
    program,
    ready_line,
    vmid_of,
)
from redis.asyncio import Redis
from tests.support.chromium import chromium, driven
from tests.support.http import PASSWORD, Caller
from tests.support.ports import free_port

from zpack.control.engine.changes import Change, Changes
from zpack.control.power.store import HostOperations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from playwright.async_api import BrowserContext, Page

SERVERS, LOADS = 1000, 7
SETTLED_SECONDS = 120
CHANGES_A_SECOND = 50
PHONE_SLOWER = 4
KEYS = ("mc-fabric 50", "mc-flying 555")
"""None is found from the fifth letter on; ever fewer are found up to the last."""
FRAME, SLOW_FRAME, WORK, KEY = "≤ 50 ms at worst", "≤ 150 ms at worst", "≤ 16.7 ms in the median", "≤ 16 ms"
TRACED = {"includedCategories": ["cc"], "excludedCategories": ["*"]}
LINES = "".join(
    f'<p style="margin: 0; height: 50px">mc-flying-squid-{number}</p>' for number in range(SERVERS)
)
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
FILTERED = """(words) => {
  const input = document.querySelector("input[data-filter]"), times = [];
  const typed = words.flatMap((word) => [...Array(word.length + 1).keys()].map((end) => word.slice(0, end)));
  for (const text of typed.slice(1).concat("")) {
    input.value = text;
    const began = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    document.body.offsetHeight;
    times.push(performance.now() - began);
  }
  return times;
}"""


def told(what: str, times: list[float], goal: str) -> None:
    """Print a median and the worst beside the goal."""
    print(f"{what:40} median {statistics.median(times):6.1f} ms, worst {max(times):6.1f} ms; goal {goal}")


async def loaded(page: Page, base: str) -> None:
    """Print how long the page takes until it is there."""
    loads: list[list[float]] = []
    for _ in range(LOADS):
        await page.goto(f"{base}/servers", wait_until="load")
        loads.append(await page.evaluate(LOADED))
    assert await page.locator("details.card").count() == SERVERS
    plain, packed = loads[-1][4], loads[-1][3]
    print(f"{'HTML':40} {plain / 1024:.0f} KiB, {packed / 1024:.0f} KiB on the way")
    told("last byte", [each[0] for each in loads], "≤ 200 ms")
    told("interactive", [each[1] for each in loads], "≤ 1,000 ms")
    told("loaded", [each[2] for each in loads], "none")


async def used(page: Page, how: str, goal: str = FRAME) -> None:
    """Print how it is to scroll, at once and again, and to filter."""
    told(f"a frame while scrolling{how}", await page.evaluate(SCROLLED), goal)
    told(f"the same again{how}", await page.evaluate(SCROLLED), goal)
    told(f"a key in the filter{how}", await page.evaluate(FILTERED, KEYS), KEY)


async def worked(page: Page) -> None:
    """Print what the main thread works for a frame of the first scroll."""
    events: list[dict[str, Any]] = []
    over = asyncio.Event()
    session = await page.context.new_cdp_session(page)

    def collected(news: dict[str, Any]) -> None:
        events.extend(news["value"])

    def complete(_: object) -> None:
        over.set()

    session.on("Tracing.dataCollected", collected)
    session.on("Tracing.tracingComplete", complete)
    await session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": TRACED})
    await page.evaluate(SCROLLED)
    await session.send("Tracing.end")
    await over.wait()
    frames = [e["tdur"] / 1000 for e in events if e["name"] == "ProxyMain::BeginMainFrame" and "tdur" in e]
    told("the main thread's work for a frame", frames, WORK)


async def measure(context: BrowserContext, page: Page, base: str, where: Ground, owner: str) -> None:
    """Print all of it."""
    lines = await context.new_page()
    await lines.set_content(LINES)
    told("a frame of 1,000 lines of bare text", await lines.evaluate(SCROLLED), "none: the machine's own")
    await lines.close()
    await loaded(page, base)
    await used(page, "")
    await page.goto(f"{base}/servers", wait_until="load")
    await worked(page)
    await page.goto(f"{base}/servers", wait_until="load")
    await page.wait_for_selector(":root[data-live=on]")
    async with changing(where, owner):
        await page.wait_for_selector("em >> text=Host is restarting")
        await used(page, f", {CHANGES_A_SECOND} changes/s")
    await page.set_viewport_size({"width": 390, "height": 844})
    session = await context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": PHONE_SLOWER})
    await page.goto(f"{base}/servers", wait_until="load")
    await used(page, f", 390 px, {PHONE_SLOWER} x slower", SLOW_FRAME)


@asynccontextmanager
async def changing(where: Ground, owner: str) -> AsyncGenerator[None]:
    """Change the state of ever more servers meanwhile, and tell it."""
    redis = Redis.from_url(where.redis)
    operations, changes = HostOperations(redis=redis), Changes(redis=redis)

    async def change() -> None:
        for number in cycle(range(1, SERVERS + 1)):
            await operations.claim(vmid_of(number), {"id": "op_1", "type": "restart", "status": "running"})
            await changes.tell(Change("server", str(vmid_of(number)), owner))
            await asyncio.sleep(1 / CHANGES_A_SECOND)

    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()
        await redis.aclose()


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
                context = await browser.new_context(viewport={"width": 1440, "height": 900})
                page = await context.new_page()
                await page.goto(f"{base}/login")
                await page.fill("#identifier", "ann")
                await page.fill("#password", PASSWORD)
                await page.click('form[action="/login"] button[data-kind=primary]')
                await page.wait_for_url("**/dashboard")
                await measure(context, page, base, where, owner["id"])


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
