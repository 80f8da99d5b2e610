"""Two dev containers, Ann's 6000 and Bob's 6001, behind the real application."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from tests.support.containers import Container, container
from zpack.control.instances import store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.http import Caller
    from zpack.control.wiring import Clients

SUFFIX = "ide.test"
HOSTS = {6000: f"dev-6000.{SUFFIX}", 6001: f"dev-6001.{SUFFIX}"}


def free_ports(ip: str, count: int) -> list[int]:
    held = [socket.create_server((ip, 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return found


@pytest.fixture(scope="session")
def ports() -> tuple[int, int]:
    """Port of the IDE, the same in every container, and of what else listens."""
    ide, other = free_ports("127.61.0.1", 2)
    return ide, other


@pytest.fixture
def extra(ports: tuple[int, int]) -> dict[str, Any]:
    return {"code_server_port": ports[0], "ide_suffix": SUFFIX}


async def in_database(clients: Clients, owner: Caller, vmid: int, ip: str, ctype: str = "dev") -> None:
    who = (await owner.get("/api/auth/me")).body["user"]["id"]
    row = {"vmid": vmid, "customer_id": who, "ctype": ctype, "hostname": f"{ctype}-{vmid}", "ip": ip}
    async with clients.database.transaction() as session:
        await store.insert_instance(
            session, **row, allocated_ports={}, payload={}, agent_state="ready", crash_count=0
        )


@pytest.fixture
async def alpha(clients: Clients, ann: Caller, ports: tuple[int, int]) -> AsyncIterator[Container]:
    await in_database(clients, ann, 6000, "127.61.0.1")
    await in_database(clients, ann, 5000, "127.61.0.3", "game")
    async with container("127.61.0.1", *ports) as made:
        yield made


@pytest.fixture
async def beta(clients: Clients, bob: Caller, ports: tuple[int, int]) -> AsyncIterator[Container]:
    await in_database(clients, bob, 6001, "127.61.0.2")
    async with container("127.61.0.2", *ports) as made:
        yield made


@dataclass
class Seen:
    """An answer as a browser gets it."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def cookies(self) -> list[str]:
        return self.headers.getall("set-cookie", [])

    @property
    def location(self) -> str:
        return self.headers["location"]


@dataclass
class Browser:
    """Speaks HTTP as a browser does, with cookies of the test's choice."""

    base: str
    session: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def ask(self, path: str, *, host: str | None = None, method: str = "GET", **more: Any) -> Seen:
        headers = CIMultiDict(more.pop("headers", {}))
        if host:
            headers["Host"] = host
        if self.cookies:
            headers.setdefault("Cookie", "; ".join(f"{n}={v}" for n, v in self.cookies.items()))
        async with self.session.request(
            method, URL(self.base + path, encoded=True), headers=headers, allow_redirects=False, **more
        ) as answer:
            return Seen(answer.status, CIMultiDict(answer.headers), await answer.read())

    def keep(self, answer: Seen) -> None:
        """Take the cookies of an answer."""
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value

    def socket(self, path: str, *, host: str | None = None, headers: Any = (), **more: Any) -> Any:
        sent = CIMultiDict(headers)
        if host:
            sent["Host"] = host
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{n}={v}" for n, v in self.cookies.items()))
        return self.session.ws_connect(self.base + path, headers=sent, max_msg_size=32 << 20, **more)

    async def refused(self, path: str, **more: Any) -> int:
        """Return with which status an upgrade is refused."""
        try:
            async with self.socket(path, **more):
                return 101
        except aiohttp.WSServerHandshakeError as failure:
            return failure.status


@pytest.fixture
async def browser(base_url: str) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Browser(base_url, session)


async def token_of(owner: Caller, vmid: int, port: int | None = None) -> str:
    reply = await owner.post(f"/api/dev/{vmid}/ide-token", {"port": port} if port else None)
    assert reply.status == 200, reply
    return reply.body["token"]


async def entered(
    browser: Browser, owner: Caller, vmid: int, *, hosted: bool, port: int | None = None
) -> str:
    """Let the browser in; return the path or, hosted, the host name of the place."""
    token = await token_of(owner, vmid)
    if hosted:
        host = f"{port}-{HOSTS[vmid]}" if port else HOSTS[vmid]
        answer = await browser.ask(f"/?token={token}", host=host)
    else:
        answer = await browser.ask(f"/__ide/{vmid}/?token={token}")
    assert answer.status == 302, answer
    browser.keep(answer)
    return host if hosted else f"/__ide/{vmid}" + (f"/port/{port}" if port else "")


@dataclass
class Way:
    """One of the two forms: how a path of a container is asked for in it."""

    browser: Browser
    host: str | None
    prefix: str

    async def ask(self, path: str, **more: Any) -> Seen:
        return await self.browser.ask(self.prefix + path, host=self.host, **more)

    def socket(self, path: str, **more: Any) -> Any:
        return self.browser.socket(self.prefix + path, host=self.host, **more)

    async def refused(self, path: str, **more: Any) -> int:
        return await self.browser.refused(self.prefix + path, host=self.host, **more)


@pytest.fixture(params=["tunnel", "hosted"])
def form(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def way(form: str, browser: Browser, ann: Caller, alpha: Container) -> Way:
    """Ann's browser, let into her container in both forms."""
    assert alpha
    where = await entered(browser, ann, 6000, hosted=form == "hosted")
    return Way(browser, where, "") if form == "hosted" else Way(browser, None, where)
