"""The terminal in a real browser: hostile floods, losses of the network, the page's own policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.portal.console.conftest import CONSOLE
from tests.support.chromium import chromium, driven
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Page

    from tests.portal.console.agent import TalkingAgent
    from tests.support.visitor import Visitor

pytestmark = pytest.mark.chromium
FRAME_LINES, SCROLL_BACK = 250, 5000
FLOOD = [
    "\x1b]0;owned\x07title",
    "\x1b]52;c;b3duZWQ=\x07clipboard",
    "\x1b]8;;javascript:alert(1)\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP" + "q" * 2000,
    "\x07\x07\x07bells",
    "\x1b[2J\x1b[H\x1b[8;1;1t\x1b[?1049h screens",
    "\x1b[38;2;255;0;128mcolours\x1b[48;5;21m and\x1b[1;4;5;7m more",
    "<img src=x onerror=alert(1)>\u202etxt.exe",
    "a" * 9000,
    "[12:00:00] [Server thread/INFO]: a plain line of a usual length, as games write them",
]
WATCH = """() => {
  window.violations = []
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective))
}"""
COUNT = """() => {
  const screen = document.querySelector("[data-screen]"); let frame = 0, before = 0
  window.batches = []
  const tick = () => { frame += 1; requestAnimationFrame(tick) }
  requestAnimationFrame(tick)
  new MutationObserver(() => {
    const { shown, kept, queued } = screen.dataset
    window.batches.push({ frame, lines: shown - before, kept: Number(kept), queued: Number(queued) })
    before = shown
  }).observe(screen, { attributeFilter: ["data-shown"] })
}"""
"""Notes of every batch of lines that reaches the screen: in which frame, how many, and what is held."""
ECHO = """async (keys) => {
  const input = document.querySelector("#command"), echoed = []
  for (const key of keys) {
    input.focus(); document.execCommand("insertText", false, key)
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))
    echoed.push([input.value, Number(document.querySelector("[data-screen]").dataset.shown)])
  }
  return echoed
}"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def seen(running: str, hers: Visitor) -> AsyncIterator[Page]:
    """Ann's console, open in her browser, before anything was said; it may not break its policy."""
    async with driven(running) as browser, await browser.new_context() as context:
        await context.add_cookies(
            [{"name": c.key, "value": c.value, "url": hers.base} for c in hers.session.cookie_jar]
        )
        page = await context.new_page()
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await page.add_init_script(f"({WATCH})()")
        await page.goto(hers.base + CONSOLE)
        await page.wait_for_selector('[data-console][data-state="ok"]')
        yield page
        assert await page.evaluate("violations") == []
        assert dialogs == []


async def lines_of(page: Page) -> list[str]:
    """Return what is on the screen, line by line."""
    found: list[str] = await page.locator(".xterm-rows > div").all_inner_texts()
    return [line.replace("\xa0", " ").rstrip() for line in found]


async def shows(page: Page, text: str) -> None:
    await eventually(lambda: _holds(page, text), timeout=10, what=text)


async def _holds(page: Page, text: str) -> bool:
    return any(text in line for line in await lines_of(page))


async def test_ten_thousand_hostile_lines_a_second_stop_nobody_from_typing(
    seen: Page, agent: TalkingAgent
) -> None:
    """No clock: benchmarks/portal_console.py has the times. Nothing is lost uncounted, nothing grows, frames go on."""
    await seen.evaluate(COUNT)
    agent.flood = FLOOD
    await agent.say("now")
    await eventually(lambda: agent.told > 20_000, what="the flood")
    words = "say hello to everybody"
    echoed = await seen.evaluate(ECHO, words)
    assert [typed for typed, _ in echoed] == [words[: n + 1] for n in range(len(words))]
    assert echoed[0][1] < echoed[-1][1], "lines go on while somebody types"
    await seen.press("#command", "Enter")
    await eventually(lambda: agent.typed, what="the command")
    agent.flood = []
    await agent.say("the end")
    await shows(seen, "the end")
    await every_line_is_accounted_for(seen, agent)
    assert await seen.title() == "Console · mc-5001 · zpack"


async def every_line_is_accounted_for(seen: Page, agent: TalkingAgent) -> None:
    """Each was shown or counted as skipped, in batches with a frame between them, and no more is held than fits."""
    screen = seen.locator("[data-screen]")
    shown, skipped = [int(await screen.get_attribute(name) or 0) for name in ("data-shown", "data-skipped")]
    assert shown + skipped == len(agent.lines)
    batches = await seen.evaluate("batches")
    frames = [batch["frame"] for batch in batches]
    assert frames == sorted(set(frames)), "two batches in one frame"
    assert max(batch["lines"] for batch in batches) <= FRAME_LINES
    assert max(batch["kept"] for batch in batches) <= SCROLL_BACK + 200
    assert max(batch["queued"] for batch in batches) <= 2 * SCROLL_BACK


async def test_no_line_is_lost_or_doubled_when_the_network_is(seen: Page, agent: TalkingAgent) -> None:
    await agent.say("one", "two")
    await shows(seen, "two")
    await seen.evaluate("dispatchEvent(new Event('offline'))")
    await eventually(lambda: not agent.sockets, what="the loss")
    await agent.say("three")
    await seen.evaluate("dispatchEvent(new Event('online'))")
    await shows(seen, "three")
    await agent.hang_up()
    await agent.say("four")
    await shows(seen, "four")
    said = [line for line in await lines_of(seen) if line]
    assert (said, agent.afters) == (["one", "two", "three", "four"], [0, 2, 3])


async def test_a_final_end_is_told_in_words_and_not_tried_again(seen: Page, agent: TalkingAgent) -> None:
    await agent.hang_up(1000, "console_ended")
    await seen.wait_for_selector('[data-console][data-state="bad"]')
    assert await seen.inner_text("[data-said]") == "The console has ended."
    await seen.click('[data-act="again"]')
    await seen.wait_for_selector('[data-console][data-state="ok"]')


async def test_colours_show_and_the_keyboard_gets_out_again(seen: Page, agent: TalkingAgent) -> None:
    await agent.say("\x1b[38;2;255;0;128mpink\x1b[0m", "\x1b[32mgreen")
    await shows(seen, "green")
    colours = """() => [...document.querySelectorAll(".xterm-rows span")].filter((s) => s.innerText.trim())
      .map((s) => getComputedStyle(s).color)"""
    assert await seen.evaluate(colours) == ["rgb(255, 0, 128)", "rgb(74, 222, 148)"]
    await seen.focus(".xterm-helper-textarea")
    await seen.keyboard.press("Tab")
    assert await seen.evaluate("document.activeElement.id") == "command"
