"""What a person reads when there is no IDE to be seen, and how long they stay in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.ide.conftest import Browser, Seen, Way, entered, free_ports, in_database
from tests.support.containers import answering, container
from tests.support.tokens import key_of, parts_of, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.containers import Container
    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Content-Type": "application/json"}
HERE = "127.61.0.5"
SUSPEND = """insert into standings (user_id, server_billing_state)
select customer_id, 'suspended_shutdown' from instances where vmid = 6002"""


@pytest.fixture(scope="session")
def agent_ports() -> tuple[int, int]:
    """Return the agent's, and one more that it listens on."""
    first, second = free_ports(HERE, 2)
    return first, second


@pytest.fixture
def extra(extra: dict[str, Any], agent_ports: tuple[int, int]) -> dict[str, Any]:
    return extra | {"agent_port": agent_ports[0], "portal_url": "https://portal.test/app"}


@pytest.fixture
async def agent(clients: Clients, ann: Caller, agent_ports: tuple[int, int]) -> AsyncIterator[Container]:
    """Ann's container 6002, in which an agent answers and no IDE."""
    await in_database(clients, ann, 6002, HERE)
    async with container(HERE, *agent_ports) as made:
        yield made


def heading(answer: Seen) -> str:
    found = re.search(rb"<h1>(.*)</h1>", answer.body)
    assert found, answer
    return found[1].decode()


STARTING, STOPPED = ("The IDE is starting", "2"), ("The IDE is not running", "5")
STATES = [
    ({"state": "starting", "installed": True}, STARTING),
    ({"state": "running", "installed": True}, STARTING),
    ({"state": "crashed", "installed": True}, STARTING),
    ({"state": "idle", "installed": True}, STOPPED),
    ({"state": "idle", "installed": False}, ("This container has no IDE", None)),
    ({"state": "error", "installed": True}, ("The IDE could not be started", None)),
    ([], ("The container does not answer", "5")),
]


async def test_an_ide_that_does_not_answer_says_why_and_comes_by_itself(
    agent: Container, ann: Caller, browser: Browser
) -> None:
    where = await entered(browser, ann, 6002, hosted=False)
    for said, (title, again) in STATES:
        agent.script["/dev/codeserver"] = answering(headers=JSON, body=json.dumps(said).encode())
        answer = await browser.ask(f"{where}/", headers=HTML)
        assert (answer.status, heading(answer), answer.headers.get("refresh")) == (503, title, again)
    agent.script["/dev/codeserver"] = answering(401)
    assert heading(await browser.ask(f"{where}/", headers=HTML)) == "The container does not answer"


async def test_a_port_on_which_nobody_listens(agent: Container, ann: Caller, browser: Browser) -> None:
    where = await entered(browser, ann, 6002, hosted=False)
    answer = await browser.ask(f"{where}/port/3999/", headers=HTML)
    assert (answer.status, heading(answer)) == (503, "Nothing answers on this port")
    assert agent.asked == []


async def test_programs_read_json(agent: Container, ann: Caller, browser: Browser) -> None:
    where = await entered(browser, ann, 6002, hosted=False)
    for more in ({}, {"method": "POST", "headers": HTML}):
        answer = await browser.ask(f"{where}/", **more)
        assert (answer.status, answer.headers["content-type"]) == (502, "application/json")
    assert agent.asked == []


async def test_a_page_runs_nothing_and_is_kept_by_nobody(browser: Browser) -> None:
    answer = await browser.ask("/__ide/6000/", headers=HTML)
    assert (answer.status, heading(answer)) == (401, "This address is no longer good")
    assert answer.headers["cache-control"] == "no-store"
    style = re.search(rb"<style>(.*)</style>", answer.body)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert b"<script" not in answer.body
    assert b'href="https://portal.test/app"' in answer.body


async def test_what_is_refused_is_told_to_people(
    agent: Container, ann: Caller, bob: Caller, browser: Browser, root: Caller
) -> None:
    assert agent
    for path, status, title in (
        ("/api/dev/6002/ide?token=old", 401, "This address is no longer good"),
        ("/__ide/6002/?token=old", 401, "This address is no longer good"),
        ("/__ide/7000/", 404, "There is nothing here for you"),
    ):
        answer = await browser.ask(path, headers=HTML)
        assert (answer.status, heading(answer)) == (status, title), path
    bearer = {"Authorization": f"Bearer {bob.token}"}
    foreign = await browser.ask("/api/dev/6002/ide", headers=HTML | bearer)
    assert (foreign.status, heading(foreign)) == (404, "There is nothing here for you")
    token = (await root.post("/api/dev/6002/ide-token")).body
    assert token["tunnelUrl"] is None
    barred = await browser.ask(f"/__ide/6002/?token={token['token']}", headers=HTML)
    assert (barred.status, heading(barred)) == (403, "This container opens only under its own name")


async def test_the_suspended_are_told_so(
    agent: Container, ann: Caller, browser: Browser, clients: Clients
) -> None:
    where = await entered(browser, ann, 6002, hosted=False)
    async with clients.database.transaction() as session:
        await session.execute(text(SUSPEND))
    answer = await browser.ask(f"{where}/", headers=HTML)
    assert (answer.status, heading(answer)) == (403, "The account is suspended")
    assert agent.asked == []


# --- the cookie -----------------------------------------------------------------------------------


def aged(way: Way, settings: Settings, seconds: float) -> str:
    """Make the browser's cookie end so soon."""
    header, claims = parts_of(way.browser.cookies["zlh_dev_ide_token"])
    key = key_of(settings.auth_secret.get_secret_value(), "ide_cookie")
    made = signed(header, claims | {"exp": time.time() + seconds}, key)
    way.browser.cookies["zlh_dev_ide_token"] = made
    return made


async def test_a_fresh_cookie_is_not_set_again(way: Way) -> None:
    assert (await way.ask("/")).cookies == []


async def test_a_cookie_is_renewed_while_it_is_used(way: Way, alpha: Container, settings: Settings) -> None:
    alpha.script["/x"] = answering(headers={"Cache-Control": "public, max-age=9", "ETag": '"1"'})
    old = aged(way, settings, 60)
    answer = await way.ask("/x")
    [cookie] = answer.cookies
    assert cookie.startswith("zlh_dev_ide_token=")
    assert "; Max-Age=43200; HttpOnly; SameSite=Lax" in cookie
    assert (answer.headers.getall("cache-control"), answer.headers.get("etag")) == (["no-store"], None)
    way.browser.keep(answer)
    assert way.browser.cookies["zlh_dev_ide_token"] != old
    assert (await way.ask("/x")).cookies == []


async def test_a_socket_renews_it_too_and_outlives_the_old_one(way: Way, settings: Settings) -> None:
    aged(way, settings, 2)
    async with way.socket("/ws") as socket:
        assert "zlh_dev_ide_token" in socket._response.cookies
        await socket.send_str("x")
        assert await socket.receive_str() == "x"


async def test_no_renewal_outlives_the_login(way: Way, settings: Settings, ann: Caller) -> None:
    aged(way, settings, 60)
    assert (await ann.post("/api/auth/logout")).status in {200, 204}
    answer = await way.ask("/")
    assert (answer.status, answer.cookies) == (401, [])
