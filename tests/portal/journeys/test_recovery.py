"""Somebody has forgotten their password: a mail, its link, another password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.http import PASSWORD
from tests.support.person import person
from tests.support.smtp import link_in
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.smtp import MailServer

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
ANOTHER = "seven quiet otters"


async def reset_link(box: MailServer, name: str) -> str:
    """Wait for the mail with a link to a new password; return the link."""

    def links() -> list[str]:
        mine = (link_in(mail) for mail in box.mails if mail["to"] == f"{name}@example.org")
        return [link for link in mine if "/reset-password" in link]

    return (await eventually(links, timeout=20, what="a mail about the password"))[-1]


async def test_a_forgotten_password_is_replaced(portal: str, browser: Browser, box: MailServer) -> None:
    async with person(browser, portal, "forgetful") as fay, person(browser, portal, "elsewhere") as there:
        await there.registers("fay")
        await there.arrives("/servers/create")
        await fay.goes("/login")
        await fay.follows("Forgot your password?")
        await fay.fills("E-mail", "fay@example.org")
        await fay.presses("Send the link")
        await fay.reads("Look into your mailbox")
        link = await reset_link(box, "fay")
        assert link.startswith(f"{portal}/reset-password?")
        await fay.page.goto(link)
        await fay.reads("Choose a new password")
        assert fay.path == "/reset-password"  # without its token
        await there.goes("/profile")
        await there.arrives("/profile")  # opening a link changes nothing: still logged in
        await fay.page.locator("input[name=password]").fill(ANOTHER)
        await fay.presses("Change the password")
        await fay.reads("Your password is changed")
        await fay.logs_in("fay", PASSWORD)
        await fay.page.locator('form[action="/login"] [role=alert], .alert[data-tone=bad]').first.wait_for()
        await fay.logs_in("fay", ANOTHER)
        await fay.arrives("/dashboard")
        await there.goes("/profile")
        await there.arrives("/login")
        await there.page.goto(link)
        if await there.page.locator("input[name=password]").count():
            await there.page.locator("input[name=password]").fill("one more otter")
            await there.presses("Change the password")
        await there.reads("This link does not work")
