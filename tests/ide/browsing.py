"""A developer at a real Chromium: opens the IDE, types, looks."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import Page

from tests.support.slowness import slowness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

PATIENCE = 90_000
"""Milliseconds for a page on a machine that does much else."""
PICTURES = Path(__file__).parents[2] / ".artefacts" / "ide"


@dataclass
class Developer:
    """Someone with one tab. ``name`` is what the pictures are called by."""

    page: Page
    name: str

    def _milliseconds(self, seconds: float) -> float:
        return seconds * 1000 * slowness()

    async def sees_workbench(self) -> None:
        """Wait until the workbench stands and its explorer lists the folder."""
        await self.sees(".monaco-workbench")
        await self.sees(".explorer-folders-view .monaco-list-row")

    async def sees(self, selector: str) -> None:
        await self.page.wait_for_selector(selector, timeout=self._milliseconds(40))

    async def reads(self, heading: str) -> None:
        await self.sees(f'h1:text-is("{heading}")')

    async def reloads_when_asked(self) -> None:
        """Do what VS Code asks for when its server came back as another one."""
        button = self.page.get_by_role("button", name="Reload Window")
        async with self.page.expect_navigation(timeout=self._milliseconds(40)):
            await button.click(timeout=self._milliseconds(40))

    async def opens(self, file: str) -> None:
        await self.page.get_by_role("treeitem", name=file).first.dblclick()
        await self.sees(f'.tab.active[data-resource-name="{file}"]')

    async def types(self, text: str) -> None:
        """Write at the top of the file that is open, and save."""
        await self.page.locator(".editor-instance .monaco-editor .view-lines").first.click()
        await self.page.keyboard.press("Control+Home")
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Control+s")

    async def runs(self, command: str) -> None:
        """Run a command in a terminal of its own."""
        await self.page.keyboard.press("Control+Shift+Backquote")
        await self.sees(".terminal-wrapper.active .xterm-screen")
        await self.page.locator(".terminal-wrapper.active .xterm-screen").click()
        await self.page.keyboard.type(command + "\n")

    async def pictured(self, what: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{self.name}-{what}.png")


@asynccontextmanager
async def tab(browser: Browser, name: str) -> AsyncIterator[Developer]:
    """Give someone a browser of their own with one tab; what they saw last when it went wrong is kept."""
    async with await browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        developer = Developer(await context.new_page(), name)
        try:
            yield developer
        except BaseException:
            await developer.pictured("failed")
            raise
