"""One person in two browsers: a login that ends in one is over in the other within three seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.support.person import Person

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
AT_MOST = 3.0


async def hears(who: Person) -> None:
    await who.page.locator("html[data-live=on]").wait_for(timeout=who.patience())


async def is_told_and_comes_back(who: Person, name: str, path: str) -> None:
    """See the dialog over the open page; log in by its link, and be where one was."""
    await who.page.locator("#session-expired").wait_for(timeout=who.patience(AT_MOST))
    await who.reads("Your session has ended")
    await who.page.locator("#session-expired a:focus").wait_for(timeout=who.patience())
    await who.pictured("told")
    await who.follows("Log in again")
    await who.arrives("/login")
    await who.enters(name)
    await who.arrives(path)


async def test_a_login_ends_while_its_page_is_open(portal: str, browser: Browser) -> None:
    async with person(browser, portal, "session-here") as here, person(browser, portal, "there") as there:
        await here.registers("sam")
        await here.arrives("/servers/create")
        await there.logs_in("sam")
        await there.goes("/billing")
        await hears(there)
        await here.goes("/profile/security")
        await here.presses("End the login from 127.0.0.1")
        await is_told_and_comes_back(there, "sam", "/billing")
        await hears(there)
        await here.goes("/profile/security")
        await here.follows("Log out everywhere")
        await here.presses("Log out everywhere")
        await here.arrives("/login")
        await is_told_and_comes_back(there, "sam", "/billing")
