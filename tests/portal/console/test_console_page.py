"""The console's page as it is without scripts, and what it hands to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from tests.portal.console.conftest import CONSOLE
from zpack.control.db.tables import ContainerInstance

if TYPE_CHECKING:
    from tests.control.conftest import Clients
    from tests.portal.console.agent import TalkingAgent
    from tests.support.visitor import Visitor


async def test_the_page_has_what_the_terminal_needs(hers: Visitor) -> None:
    page = await hers.get(CONSOLE)
    root = page.one("[data-console]")
    assert (root["data-console"], root["data-kind"]) == ("5001", "game")
    assert f"'nonce-{root['data-nonce']}'" in page.headers["Content-Security-Policy"]


async def test_without_scripts_the_last_lines_are_a_page(hers: Visitor, agent: TalkingAgent) -> None:
    agent.lines = [f"line {n}" for n in range(1200)]
    page = await hers.get(f"{CONSOLE}/log")
    shown = page.one("pre").get_text().split("\n")
    assert (shown[0], shown[499]) == ("line 700", "line 1199")


async def test_without_scripts_a_command_is_a_form(hers: Visitor, agent: TalkingAgent) -> None:
    await hers.get(f"{CONSOLE}/log")
    page = await hers.submit('form[action$="/command"]', command="say hello")
    assert (agent.typed, page.path) == (["say hello"], f"{CONSOLE}/log")
    assert "did say hello" in page.one("pre").get_text()


async def test_a_command_that_is_none_is_refused_beside_the_form(hers: Visitor, agent: TalkingAgent) -> None:
    await hers.get(f"{CONSOLE}/log")
    for command in ("", "two\nlines", "x" * 1025):
        page = await hers.submit('form[action$="/command"]', command=command)
        assert (page.status, agent.typed) == (400, [])
        assert page.one("[role=alert]")


async def test_a_ticket_is_handed_out_for_a_form_of_ours_only(hers: Visitor) -> None:
    page = await hers.get(CONSOLE)
    token = page.one("[data-line] input[name=csrf]")["value"]
    async with hers.session.post(
        f"{hers.base}{CONSOLE}/ticket", headers={"X-CSRF-Token": str(token)}
    ) as answer:
        assert (answer.status, (await answer.json())["expiresIn"]) == (200, 30)
    assert (await hers.send("POST", f"{CONSOLE}/ticket")).status == 403


async def test_another_ones_console_is_not_there(hers: Visitor, root: Visitor, visitor: Visitor) -> None:
    assert (await root.get(CONSOLE)).status == 200
    assert (await hers.get("/servers/5999/console")).status == 404
    assert (await visitor.get(CONSOLE)).path.startswith("/login")


async def test_an_agent_that_does_not_answer_is_told_of(hers: Visitor, agent: TalkingAgent) -> None:
    agent.lines = ["x"]
    page = await hers.send("POST", f"{CONSOLE}/power", data={"csrf": await token_of(hers), "action": "stop"})
    assert page.status in {404, 502}
    assert "Request" in page.text


async def test_an_action_that_is_none_is_refused(hers: Visitor) -> None:
    page = await hers.send("POST", f"{CONSOLE}/power", data={"csrf": await token_of(hers), "action": "../x"})
    assert page.status == 400


async def test_a_shell_has_no_line_and_no_power(hers: Visitor, clients: Clients) -> None:
    async with clients.database.transaction() as session:
        await session.execute(update(ContainerInstance).values(ctype="dev"))
    page = await hers.get(CONSOLE)
    assert page.one("[data-console]")["data-kind"] == "shell"
    assert page.all("[data-line]") == page.all("#console-power") == []


async def token_of(visitor: Visitor) -> str:
    return str((await visitor.get(CONSOLE)).one("[data-line] input[name=csrf]")["value"])
