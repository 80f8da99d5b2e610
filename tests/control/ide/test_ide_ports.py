"""Forwarded ports: the owner's alone, or everybody's on request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.control.ide.conftest import HOSTS, Browser, Way, entered
from tests.support.containers import answering

if TYPE_CHECKING:
    from tests.support.containers import Container
    from tests.support.http import Caller


def at(form: str, port: int, vmid: int = 6000) -> tuple[str, str | None]:
    """Return prefix and host of a port."""
    return ("", f"{port}-{HOSTS[vmid]}") if form == "hosted" else (f"/__ide/{vmid}/port/{port}", None)


async def test_a_port_is_its_owner_s(
    form: str, browser: Browser, ann: Caller, bob: Caller, alpha: Container
) -> None:
    prefix, host = at(form, alpha.port)
    assert (await browser.ask(f"{prefix}/x", host=host)).status == 401
    assert await browser.refused(f"{prefix}/ws", host=host) == 401
    await entered(browser, ann, 6000, hosted=form == "hosted", port=alpha.port)
    seen = json.loads((await browser.ask(f"{prefix}/x?y=1&token=its-own", host=host)).body)
    assert (seen["path"], seen["port"]) == ("/x?y=1&token=its-own", alpha.port)
    assert "cookie" not in seen["headers"]
    async with browser.socket(f"{prefix}/ws", host=host) as socket:
        await socket.send_str("x")
        assert await socket.receive_str() == "x"
    assert (await bob.put("/api/dev/6000/ports/3000", {"public": True})).status == 404


async def test_an_ide_s_cookie_by_host_is_none_of_a_port(
    browser: Browser, ann: Caller, alpha: Container
) -> None:
    await entered(browser, ann, 6000, hosted=True)
    assert (await browser.ask("/", host=f"{alpha.port}-{HOSTS[6000]}")).status == 401


async def test_a_public_port_is_everybody_s_without_our_cookies(
    form: str, browser: Browser, ann: Caller, alpha: Container
) -> None:
    prefix, host = at(form, alpha.port)
    shown = await ann.put(f"/api/dev/6000/ports/{alpha.port}", {"public": True})
    assert shown.body == {"port": alpha.port, "public": True, "url": f"/__ide/6000/port/{alpha.port}/"}
    answer = await browser.ask(f"{prefix}/x", host=host, headers={"Cookie": "zlh_dev_ide_token=x; a=b"})
    seen = json.loads(answer.body)
    assert (answer.status, answer.cookies, seen["port"]) == (200, [], alpha.port)
    assert "zlh" not in str(seen["headers"])
    assert await browser.refused(f"{prefix}/ws", host=host, headers={"Origin": "https://evil.example"}) == 101
    sandboxed = answer.headers.get("content-security-policy", "").startswith("sandbox allow-scripts")
    assert sandboxed == (form == "tunnel")
    assert "allow-same-origin" not in answer.headers.get("content-security-policy", "")
    assert (
        await browser.ask("/__ide/6000/" if form == "tunnel" else "/", host=host and HOSTS[6000])
    ).status == 401


async def test_a_port_that_is_closed_again_ends_its_sockets(
    form: str, browser: Browser, ann: Caller, alpha: Container
) -> None:
    prefix, host = at(form, alpha.port)
    await ann.put(f"/api/dev/6000/ports/{alpha.port}", {"public": True})
    async with browser.socket(f"{prefix}/ws", host=host) as socket:
        await socket.send_str("x")
        assert await socket.receive_str() == "x"
        assert (await ann.call("DELETE", f"/api/dev/6000/ports/{alpha.port}")).status == 204
        message = await socket.receive(timeout=20)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4403)
    assert (await browser.ask(f"{prefix}/", host=host)).status == 401


async def test_what_is_said_about_ports_is_listed_and_bounded(
    ann: Caller, bob: Caller, alpha: Container
) -> None:
    assert alpha
    for port in (80, 1023, 65536, 0, -5, 18888, alpha.ide_port):
        assert (await ann.put(f"/api/dev/6000/ports/{port}", {"public": True})).status == 404, port
    for port in ("x", "3000@evil", "0x10", "1e4", "3000.5"):
        assert (await ann.put(f"/api/dev/6000/ports/{port}", {"public": True})).status in {400, 404}, port
    assert (await ann.put("/api/dev/6000/ports/3000", {"public": "yes"})).status == 400
    assert (await ann.put("/api/dev/6000/ports/3000", {})).body["public"] is False
    for port in range(4000, 4019):
        await ann.put(f"/api/dev/6000/ports/{port}", {"public": True})
    assert (await ann.put("/api/dev/6000/ports/5001", {"public": True})).body["error"] == "too_many_ports"
    assert (await ann.put("/api/dev/6000/ports/3000", {"public": True})).status == 200
    listed = (await ann.get("/api/dev/6000/ports")).body["ports"]
    assert [row["port"] for row in listed] == [3000, *range(4000, 4019)]
    assert (await ann.call("DELETE", "/api/dev/6000/ports/5001")).body["error"] == "port_not_found"
    for method in ("GET", "DELETE"):
        path = "/api/dev/6000/ports" + ("/3000" if method == "DELETE" else "")
        assert (await bob.call(method, path)).status == 404


@pytest.mark.parametrize("form", ["tunnel"], indirect=True)
async def test_a_port_s_cookies_are_apart_from_the_ide_s(way: Way, alpha: Container) -> None:
    alpha.script["/x"] = answering(headers={"Set-Cookie": "a=1; Path=/"})
    [cookie] = (await way.browser.ask(f"/__ide/6000/port/{alpha.port}/x")).cookies
    assert cookie == f"zide6000p{alpha.port}-a=1; Path=/__ide/6000/port/{alpha.port}/"
    await way.ask("/", headers={"Cookie": f"{cookie.partition(';')[0]}; {_own(way)}"})
    assert "cookie" not in alpha.last["headers"]


def _own(way: Way) -> str:
    return f"zlh_dev_ide_token={way.browser.cookies['zlh_dev_ide_token']}"
