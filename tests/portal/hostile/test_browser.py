"""Texts that strangers choose, on every page, in a browser that would run them: they are seen, and do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.data.hostile_texts import ALL_AT_ONCE
from tests.portal.hostile.census import FOREIGN, OPENED, TURNING, WATCH, WIDE
from tests.portal.hostile.conftest import ID, NAMES
from tests.support.chromium import chromium, driven
from tests.support.slowness import slowness

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from tests.portal.hostile.conftest import Stage
    from tests.support.visitor import Visitor

pytestmark = pytest.mark.chromium
PATIENCE_MS = 10_000
EVIL = "javascript:alert(1)//%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E"
NOBODYS = ("/", "/pricing", "/support", f"/login?next={EVIL}", f"/{EVIL}", "/components")
HERS = (
    "/dashboard", "/servers", "/servers/create", "/servers/5000", "/servers/5000/console/log",
    "/servers/5000/files?path=mods", f"/servers/5000/files?path=mods/{EVIL}", "/servers/5000/files/edit?path=mods/x",
    f"/servers/5000/files/delete?path=mods/{EVIL}", "/servers/5000/backups", f"/servers/5000/backups/{ID}000/restore",
    f"/servers/5000/backups/{ID}000/delete", f"/servers/5000/mods?q={EVIL}", "/servers/5000/mods?q=mod",
    "/servers/5000/mods/{mod}/delete", "/servers/5000/activity", "/servers/5000/settings", "/servers/6000/dev",
    f"/servers/{EVIL}", "/servers/create/{failed}", "/servers/create/{running}", "/billing", "/profile",
    "/profile/security", "/profile/keys", "/profile/keys/revoke?id={key}", "/profile/activity", "/support/tickets",
    "/support/tickets/{ticket}", "/account-suspended",
)  # fmt: skip
STAFFS = (
    "/admin/fleet", "/admin/fleet/5000", "/admin/drift", "/admin/drift/edge", "/admin/drift/history",
    "/admin/operations", "/admin/users", f"/admin/users?search={EVIL}", "/admin/users/{ann}",
    "/admin/users/{ann}/suspend", "/admin/plans", "/admin/plans/strange", "/admin/plans/ledger",
    "/admin/announcements", "/admin/announcements/{announcement}", "/admin/announcements/{announcement}/delete",
    "/admin/support", "/support/tickets/{ticket}", "/admin/audit?limit=200", f"/admin/audit?action={EVIL}", "/admin/health",
)  # fmt: skip


NOTICE = "(told) => void document.body.dispatchEvent(new CustomEvent('notice', { detail: told }))"


class Witness:
    """Looks at pages as somebody, and notes what a text did. One who does nothing leaves ``seen`` empty."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.seen: list[str] = []
        page.on("dialog", lambda dialog: self.note(f"dialog: {dialog.message}"))
        page.on("pageerror", lambda failure: self.note(f"error: {failure}"))
        page.on("popup", lambda other: self.note(f"popup: {other.url}"))
        page.on("request", lambda request: self._asked(request.url))

    @classmethod
    async def arrives(cls, browser: Browser, visitor: Visitor) -> Witness:
        context = await browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(PATIENCE_MS * slowness())
        cookies = [{"name": c.key, "value": c.value, "url": visitor.base} for c in visitor.session.cookie_jar]
        await context.add_cookies(cookies)  # pyright: ignore[reportArgumentType] - TypedDicts
        witness = cls(await context.new_page(), visitor.base)
        await context.expose_function("tellTheTest", witness.note)
        await context.add_init_script(f"({WATCH})()")
        return witness

    def note(self, what: str) -> None:
        self.seen.append(f"{urlsplit(self.page.url).path}: {what}")

    async def visits(self, path: str) -> None:
        """Go there, open what can be opened, and look."""
        await self.page.goto(self.base + path)
        await self.looks()

    async def looks(self) -> None:
        await self.page.evaluate(OPENED)
        for question in (FOREIGN, TURNING, WIDE):
            for found in await self.page.evaluate(question):
                self.note(found)
        if "zpack" not in await self.page.title():
            self.note(f"title: {await self.page.title()}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.note(f"asked {url}")


@pytest.fixture
async def browser(tmp_path: Path, stage: Stage) -> AsyncIterator[Browser]:
    """Ends before the platform does, which waits for its live streams."""
    _ = stage
    with chromium(tmp_path) as address:
        async with driven(address) as browser:
            yield browser


async def test_what_strangers_word_is_seen_and_does_nothing(
    browser: Browser, visitor: Visitor, ann: Visitor, root: Visitor, stage: Stage
) -> None:
    names = vars(stage) | {"mod": "a%20b.jar"}
    seen: list[str] = []
    for who, paths in ((visitor, NOBODYS), (ann, HERS), (root, STAFFS)):
        witness = await Witness.arrives(browser, who)
        for path in paths:
            await witness.visits(path.format(**names) if "{" in path else path)
        if who is ann:
            await scripts_show_it_too(witness)
        seen += witness.seen
    assert not seen, "\n".join(seen[:200])


async def scripts_show_it_too(witness: Witness) -> None:
    """See what scripts put on a page: parts of htmx', notices, files to upload, the editor, the console."""
    page = witness.page
    await page.goto(f"{witness.base}/servers/5000/files?path=mods")
    shown = await page.locator(".files th bdi").count()
    assert shown == len(NAMES)
    await page.set_input_files(
        "[data-picker] input", [{"name": n, "mimeType": "text/plain", "buffer": b"x"} for n in NAMES[:9]]
    )
    await page.locator("[data-uploads] li[data-tone=bad]").nth(8).wait_for()
    await witness.looks()
    await page.goto(f"{witness.base}/servers/5000/files/edit?path=mods/x")
    await page.locator(".cm-line").nth(9).wait_for()
    await witness.looks()
    await page.goto(f"{witness.base}/servers/5000/console")
    await page.get_by_text("the last line").first.wait_for()
    await witness.looks()
    await page.goto(f"{witness.base}/servers/5000/mods")
    async with page.expect_response("**/mods/found**"):
        await page.fill("#q", "mod")
    await page.locator(".hits li").first.wait_for()
    await page.evaluate(NOTICE, {"text": ALL_AT_ONCE, "tone": "bad"})
    assert await page.locator(".notice").last.inner_text() == ALL_AT_ONCE
    await witness.looks()
    for path, part in (("/servers/5000", "condition"), ("/servers", "cards"), ("/dashboard", "state")):
        await page.goto(witness.base + path)
        async with page.expect_response(f"**/{part}*") as answered:
            await page.evaluate("document.body.dispatchEvent(new Event('live-resumed'))")
        await (await answered.value).finished()
        await witness.looks()
