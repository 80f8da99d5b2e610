"""axe-core, a stranger's judge of accessibility, in a page of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from playwright.async_api import Page, ViewportSize

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
WIDER = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


async def violations(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """Return what axe finds, a line for each kind with the first places of it; ``rules`` are all unless named."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE.read_text())
    asked = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
    found: dict[str, Any] = await page.evaluate("(asked) => axe.run(document, {runOnly: asked})", asked)
    return [
        f"{v['id']}: {v['help']}: " + "; ".join(node["html"][:160] for node in v["nodes"][:3])
        for v in found["violations"]
    ]


async def judged(page: Page) -> list[str]:
    """Return what is wrong with a page in either look on a phone and on a desk, where it lies.

    Rules other than those of contrast see no colours: they are asked once for each width.
    """
    contrast, found = ["color-contrast"], list[str]()
    turns: tuple[tuple[Look, ViewportSize, list[str] | None], ...] = (
        ("dark", PHONE, None),
        ("light", PHONE, contrast),
        ("light", DESK, None),
        ("dark", DESK, contrast),
    )
    await page.evaluate(SHOWN)
    for look, size, rules in turns:
        await page.set_viewport_size(size)
        await page.emulate_media(color_scheme=look)
        at = f"{look} {size['width']}"
        found += [f"{at} {line}" for line in await violations(page, rules=rules)]
        wide, room = await page.evaluate(WIDER)
        found += [f"{at} scrolls sideways: {wide} > {room}"] if wide > room else []
    return found
