"""Everything by keyboard: no mouse from the login to the console and out again, and always a visible focus."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.person import person

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.portal.gallery import Stage
    from tests.support.person import Person

pytestmark = [pytest.mark.journey, pytest.mark.chromium, pytest.mark.asyncio(loop_scope="package")]
FOCUSED = """() => {
  const here = document.activeElement;
  const look = getComputedStyle(here);
  const name = (here.getAttribute("aria-label") || here.innerText || here.getAttribute("name") || "").trim();
  return [name, look.outlineStyle !== "none" || here.tagName === "BODY" || here.tagName === "MAIN"];
}"""
TOLD_ANEW = """id => new Promise((told) => {
  const telling = setInterval(() => document.body.dispatchEvent(new Event(`server-${id}`)), 300);
  document.body.addEventListener("htmx:after:swap", (event) => {
    if (event.target.id !== "delete") return;
    clearInterval(telling);
    told();
  });
})"""
"""What lies below a question is shown anew while it is asked, as after any change of the server.

Told more than once: what comes soon after a change of its own is not heard.
"""
FAR = 90
"""Steps of the tabulator key: more than any page has stops."""


async def tabs_to(who: Person, name: str) -> None:
    """Press Tab until what is called so has the focus; everything on the way shows that it has it."""
    for _ in range(FAR):
        await who.page.keyboard.press("Tab")
        found, visible = await who.page.evaluate(FOCUSED)
        assert visible, f"{found!r} has the focus and does not show it"
        if re.search(name, found):
            return
    pytest.fail(f"{name!r} cannot be reached")


async def presses_enter_on(who: Person, name: str) -> None:
    await tabs_to(who, name)
    await who.page.keyboard.press("Enter")


async def test_from_the_login_to_the_console_and_out_again(
    portal: str, browser: Browser, stage: Stage
) -> None:
    async with person(browser, portal, "keyboard") as ann:
        await ann.goes("/login")
        await ann.page.keyboard.type("ann")
        await tabs_to(ann, "password")
        await ann.page.keyboard.type(stage.people["ann"][1])
        await ann.page.keyboard.press("Enter")
        await ann.arrives("/dashboard")
        await presses_enter_on(ann, "^Skip to content")
        assert await ann.page.evaluate("document.activeElement.id") == "main"
        await ann.page.reload()
        await presses_enter_on(ann, "^Servers")
        await ann.arrives("/servers")
        await presses_enter_on(ann, "^mc-flying-squid")
        await presses_enter_on(ann, "^Open")
        await ann.arrives(re.compile(r"/servers/\d+"))
        await presses_enter_on(ann, "^Console")
        await ann.arrives(re.compile(r"/servers/\d+/console"))
        await tabs_to(ann, "command|^Type a command|^Command")
        await tabs_to(ann, "^Send")
        await tabs_to(ann, "^Skip to content")  # round the page: nothing keeps the focus


async def test_a_question_is_answered_and_declined(portal: str, browser: Browser, stage: Stage) -> None:
    async with person(browser, portal, "keyboard-asks") as ann:
        await ann.logs_in(*stage.people["ann"])
        await ann.arrives("/dashboard")
        game = stage.names["game"]
        await ann.goes(f"/servers/{game}/settings")
        await presses_enter_on(ann, "^Stop host")
        question = ann.page.locator("dialog[open]")
        await question.wait_for(timeout=ann.patience())
        await ann.page.evaluate(TOLD_ANEW, game)
        await ann.page.keyboard.press("Escape")
        await question.wait_for(state="detached", timeout=ann.patience())
        assert re.search("^Stop host", (await ann.page.evaluate(FOCUSED))[0])
