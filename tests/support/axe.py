"""axe-core, a stranger's judge of accessibility, in a page of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, ViewportSize

    Look = Literal["dark", "light"]

AXE = Path(__file__).parents[2] / "src/zpack/portal/assets/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
SHOWN = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { content-visibility: visible !important; }");
  document.adoptedStyleSheets.push(sheet);
}"""
"""What is below the screen keeps the colours of the look before, until it is shown."""
DRAWN = """async () => {
  const ends = (one) => one.effect.getComputedTiming().endTime !== Infinity;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  await Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
}"""
"""Colours change over from the look before."""
SAID = {"resultTypes": ["violations"], "selectors": False}
"""What axe need not work out: addresses of elements, and lists of what is right; it judges all the same."""
WIDER = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


async def comes_along(context: BrowserContext) -> None:
    """Let axe be in every page of a browser: bringing it to each anew takes as long as a page."""
    await context.add_init_script(path=AXE)


async def violations(page: Page) -> list[str]:
    """Return what axe finds, a line for each kind with the first places of it."""
    asked = {"runOnly": {"type": "tag", "values": RULES}} | SAID
    found: dict[str, Any] = await page.evaluate("(asked) => axe.run(document, asked)", asked)
    return [
        f"{v['id']}: {v['help']}: " + "; ".join(_place(node) for node in v["nodes"][:3])
        for v in found["violations"]
    ]


def _place(node: dict[str, Any]) -> str:
    """Return where something was found, and why axe thinks so."""
    return f"{node['html'][:160]} ({' '.join(str(node.get('failureSummary')).split())[:200]})"


async def judged(page: Page) -> list[str]:
    """Return what is wrong with a page: dark on a phone and light on a desk, where each rule sees the most.

    What axe finds it must find twice: an editor paints its numbers anew after the colours have changed over.
    """
    found = list[str]()
    turns: tuple[tuple[Look, ViewportSize], ...] = (("dark", PHONE), ("light", DESK))
    await page.evaluate(SHOWN)
    for look, size in turns:
        await page.set_viewport_size(size)
        await page.emulate_media(color_scheme=look)
        await page.evaluate(DRAWN)
        at = f"{look} {size['width']}"
        found += [f"{at} {line}" for line in await violations(page) and await violations(page)]
        wide, room = await page.evaluate(WIDER)
        found += [f"{at} scrolls sideways: {wide} > {room}"] if wide > room else []
    return found
