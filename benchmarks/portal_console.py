"""The portal's console in Debian's Chromium while its server says 10,000 hostile lines a second.

The agent is one that says what it is told to; control, the page and its terminal are real. An echo is what
passes from a key in the command's field until the frame after it; a pause is the longest task of the page.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.support.ground import Ground, ended, ground, program, ready_line, vmid_of
from tests.portal.console.agent import TalkingAgent
from tests.portal.console.test_console_live import FLOOD
from tests.support.chromium import chromium, driven
from tests.support.http import PASSWORD, Caller
from tests.support.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Page

KEYS = "say hello to everybody, again and again"
FLOOD_SECONDS = 5
WATCH = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
  }).observe({ type: "longtask" });
}"""
ECHO = """async (keys) => {
  const input = document.querySelector("#command"), times = [];
  for (const key of keys) {
    const began = performance.now();
    input.focus(); document.execCommand("insertText", false, key);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - began);
  }
  return times;
}"""


async def measure(page: Page, agent: TalkingAgent) -> None:
    """Print how it goes during the flood."""
    agent.flood = FLOOD
    began = time.monotonic()
    await agent.say("now")
    await asyncio.sleep(FLOOD_SECONDS)
    before, counted = agent.told, time.monotonic()
    echoes: list[float] = await page.evaluate(ECHO, KEYS)
    told = (agent.told - before) / (time.monotonic() - counted)
    longest: float = await page.evaluate("longest")
    print(f"lines a second                     {told:,.0f} of 10,000, for {time.monotonic() - began:.0f} s")
    print(
        f"echo of a key                      median {statistics.median(echoes):.0f} ms, worst {max(echoes):.0f} ms;"
        " goal ≤ 100 ms"
    )
    print(f"longest pause                      {longest:.0f} ms; goal ≤ 200 ms")
    agent.flood = []


async def visited(where: Ground, base: str, folder: Path, agent: TalkingAgent) -> None:
    """Give somebody the server, and look at its console."""
    async with Caller(base) as anyone, await anyone.registered("ann") as ann:
        owner: dict[str, Any] = (await ann.get("/api/auth/me")).body["user"]
        where.add_servers(owner["id"], [1])
        with psycopg.connect(where.database) as connection:
            connection.execute("update instances set ip = '127.0.0.1'")
        with chromium(folder) as address:
            async with driven(address) as browser:
                page = await browser.new_page(viewport={"width": 1440, "height": 900})
                await page.goto(f"{base}/login")
                await page.fill("#identifier", "ann")
                await page.fill("#password", PASSWORD)
                await page.click('form[action="/login"] button[data-kind=primary]')
                await page.wait_for_url("**/dashboard")
                await page.add_init_script(f"({WATCH})()")
                await page.goto(f"{base}/servers/{vmid_of(1)}/console")
                await page.wait_for_selector('[data-console][data-state="ok"]')
                await measure(page, agent)


async def run(where: Ground, folder: Path) -> None:
    """Start control beside the agent, measure, end it."""
    port = free_port()
    base = f"http://localhost:{port}"
    async with TalkingAgent().serving() as agent:
        own = {
            "PORT": str(port),
            "PORTAL_URL": base,
            "ZLH_AGENT_PORT": str(agent.port),
            "ZLH_AGENT_TOKEN": "a token",
        }
        control = program("zpack.allinone.web", "serve", environment=where.environment | own)
        try:
            await asyncio.to_thread(ready_line, control)
            await visited(where, base, folder, agent)
        finally:
            await asyncio.to_thread(ended, control)


def main() -> None:
    """Measure on ground of its own."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as profile:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where:
            asyncio.run(run(where, Path(profile)))


if __name__ == "__main__":
    main()
