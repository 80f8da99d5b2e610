"""A person at a real Chromium, who presses what is called so and reads what is shown; scripts must not complain."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.http import PASSWORD
from tests.support.slowness import slowness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

PICTURES = Path(__file__).parents[2] / ".artefacts" / "portal"
OURS_TO_MEND = re.compile(r"Content Security Policy|Uncaught|TypeError|ReferenceError|htmx:")
SECONDS = 20.0


@dataclass
class Person:
    """Somebody with one tab. ``complaints`` are what the browser said that pages must not make it say."""

    page: Page
    context: BrowserContext
    base: str
    name: str
    complaints: list[str] = field(default_factory=list[str])

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.base)

    def patience(self, seconds: float = SECONDS) -> float:
        """Return a deadline in Playwright's milliseconds, longer on a machine that is slow or busy."""
        return seconds * 1000 * slowness()

    async def goes(self, path: str) -> None:
        await self.page.goto(self.base + path)

    def named(self, name: str | re.Pattern[str], role: Any = "button") -> Locator:
        return self.page.get_by_role(role, name=name).locator("visible=true").first

    async def presses(self, name: str | re.Pattern[str], role: Any = "button") -> None:
        await self.named(name, role).click(timeout=self.patience())

    async def follows(self, name: str | re.Pattern[str]) -> None:
        await self.presses(name, "link")

    async def fills(self, label: str | re.Pattern[str], value: str) -> None:
        await self.page.get_by_label(label).locator("visible=true").first.fill(value, timeout=self.patience())

    async def reads(self, text: str | re.Pattern[str], *, seconds: float = SECONDS) -> None:
        shown = self.page.get_by_text(text).locator("visible=true").first
        await shown.wait_for(timeout=self.patience(seconds))

    async def arrives(self, path: str | re.Pattern[str], *, seconds: float = SECONDS) -> None:
        pattern = rf"{re.escape(path)}(?=[?#]|$)" if isinstance(path, str) else path.pattern
        wanted = re.compile(re.escape(self.base) + pattern)
        await self.page.wait_for_url(wanted, timeout=self.patience(seconds))

    async def registers(self, name: str) -> None:
        await self.goes("/register")
        for field_name, value in (("username", name), ("email", f"{name}@example.org")):
            await self.page.locator(f"input[name={field_name}]").fill(value)
        for box in await self.page.locator("input[type=password]").all():
            await box.fill(PASSWORD)
        for box in await self.page.locator('input[type=text][required]:not([name="username"])').all():
            await box.fill(name.title())
        await self.page.locator('form[action="/register"] button:not([type=button])').first.click()

    async def logs_in(self, name: str, password: str = PASSWORD) -> None:
        await self.goes("/login")
        await self.enters(name, password)

    async def enters(self, name: str, password: str = PASSWORD) -> None:
        """Fill the login form that is shown."""
        await self.page.locator("input[name=identifier]").fill(name)
        await self.page.locator("input[name=password]").fill(password)
        await self.page.locator('form[action="/login"] button:not([type=button])').click()

    async def pictured(self, what: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{self.name}-{what}.png")

    def _hears(self, message: ConsoleMessage) -> None:
        if message.type == "error" and OURS_TO_MEND.search(message.text):
            self.complaints.append(message.text)


@asynccontextmanager
async def person(browser: Browser, base: str, name: str, **context: Any) -> AsyncIterator[Person]:
    """Give somebody a browser of their own; what they saw last when it went wrong is kept."""
    async with await browser.new_context(**context) as opened:
        page = await opened.new_page()
        made = Person(page, opened, base, name)
        page.on("console", made._hears)
        page.on("pageerror", lambda failure: made.complaints.append(str(failure)))
        try:
            yield made
        except BaseException:
            await made.pictured("failed")
            raise
        assert not made.complaints, made.complaints
