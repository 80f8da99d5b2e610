"""What of ``/register`` needs a browser: how strong a password is, a look at it, and caps lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.chromium import opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.visitor import Visitor

pytestmark = pytest.mark.chromium
RANKS = [
    ("short", "Short", 1), ("aaaaaaaaaaaa", "Short", 1), ("otters42", "Fair", 2), ("Otters swim 42", "Good", 3),
    ("correct horse battery", "Good", 3),
]  # fmt: skip
CAPS = """input => input.dispatchEvent(
  new KeyboardEvent("keyup", {key: "A", bubbles: true, modifierCapsLock: true}))"""


async def test_a_password_is_weighed_shown_and_hidden_again(visitor: Visitor, tmp_path: Path) -> None:
    async with opened(tmp_path, visitor) as page:
        await page.goto(visitor.base + "/register")
        password, strength = page.locator("#password"), page.locator("#strength")
        assert not await page.locator("input[name=repeated]").count()
        for typed, words, rank in RANKS:
            await password.fill(typed)
            assert words in await strength.inner_text()
            assert await strength.locator("progress").evaluate("bar => bar.value") == rank
        await password.fill("")
        assert not await strength.is_visible()
        await password.fill("otters42")
        button = page.get_by_role("button", name="Show the password")
        await button.click()
        assert await password.get_attribute("type") == "text"
        assert await button.get_attribute("aria-pressed") == "true"
        await button.click()
        assert await password.get_attribute("type") == "password"
        await password.evaluate(CAPS)
        await page.get_by_text("Caps lock is on.").wait_for()
