"""What passes between browser and container, in both forms, and what stays at the border."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import text
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.control.conftest import served
from tests.control.ide.conftest import HOSTS, Browser, Way, entered, token_of
from tests.support.containers import answering
from tests.support.slowness import slowness
from tests.support.waiting import eventually
from zpack.control.app import create_app
from zpack.control.ide.places import Place
from zpack.control.ide.redirects import landed

if TYPE_CHECKING:
    from tests.support.containers import Container
    from tests.support.http import Caller
    from zpack.control.wiring import Api, Clients


SUSPEND = """insert into standings (user_id, server_billing_state)
select customer_id, 'suspended_shutdown' from instances where vmid = 6000"""


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.seed("S93")
async def test_a_request_arrives_as_it_was_sent(way: Way, alpha: Container) -> None:
    path = "/a%2Fb/%20/?q=1&q=%2e&folder=/home"
    answer = await way.ask(
        path, method="PUT", data=b"hello", headers={"Accept": "x/y", "If-None-Match": '"e"'}
    )
    seen = json.loads(answer.body)
    assert (seen["method"], seen["path"], seen["ip"], seen["port"]) == ("PUT", path, alpha.ip, alpha.ide_port)
    assert (seen["headers"]["accept"], seen["headers"]["if-none-match"]) == (["x/y"], ['"e"'])
    host = way.host or way.browser.base.removeprefix("http://")
    assert seen["headers"]["host"] == [host]
    assert "origin" not in seen["headers"]


async def test_origin_is_passed_as_it_is(way: Way, alpha: Container) -> None:
    origin = f"http://{way.host}" if way.host else way.browser.base
    assert (await way.ask("/", method="POST", headers={"Origin": origin})).status == 200
    assert alpha.last["headers"]["origin"] == [origin]


async def test_what_is_ours_or_of_the_connection_stays_outside(
    way: Way, alpha: Container, ann: Caller
) -> None:
    """Code-server's CVE-2025-47269 and -2023-26114: the container must see no key to anything."""
    sent = {
        "Authorization": f"Bearer {ann.token}", "Proxy-Authorization": "Basic eDp5", "TE": "trailers",
        "Connection": "keep-alive, X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=5", "Upgrade": "h2c",
        "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https", "Via": "1.1 x",
        "X-Forwarded-Prefix": "/evil", "Forwarded": "for=9.9.9.9", "X-Real-IP": "9.9.9.9",
        "Referer": f"http://x/?token={ann.token}",
    }  # fmt: skip
    await way.ask("/?token=&a=b", method="DELETE", headers=sent)
    seen = alpha.last
    for name in set(map(str.lower, sent)) - {
        "connection",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }:
        assert name not in seen["headers"], name
    assert "cookie" not in seen["headers"]
    assert seen["path"] == "/?a=b"
    assert seen["headers"]["x-forwarded-for"] == ["127.0.0.1"]
    assert seen["headers"]["x-forwarded-proto"] == ["http"]
    assert seen["headers"]["x-forwarded-host"] == seen["headers"]["host"]


async def test_only_the_container_s_own_cookies_go_in(way: Way, alpha: Container) -> None:
    mark = "" if way.host else "zide6000-"
    mine = way.browser.cookies["zlh_dev_ide_token"]
    cookies = (
        f"portal=secret; {mark}vscode=1; zlh_dev_ide_token={mine}; zide6001-x=2; {mark}ZLH_dev_ide_token=3"
    )
    await way.ask("/", headers={"Cookie": cookies})
    [seen] = alpha.last["headers"]["cookie"]
    assert "vscode=1" in seen
    assert "zlh_dev_ide_token" not in seen.lower()
    assert ("portal=secret" in seen) == bool(way.host)


async def test_bodies_stream_both_ways(way: Way, alpha: Container) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield bytes(65536)

    sent = await way.ask("/upload", method="POST", data=endless())
    assert json.loads(sent.body) == {"size": 64 * 65536}
    alpha.script["/big"] = answering(body=bytes(8 << 20))
    assert len((await way.ask("/big")).body) == 8 << 20


async def test_an_answer_keeps_its_headers_and_its_encoding(way: Way, alpha: Container) -> None:
    headers = [("Content-Encoding", "gzip"), ("ETag", '"1"'), ("Link", "<a>"), ("Link", "<b>"), ("X-A", "b")]
    alpha.script["/x"] = answering(206, headers, b"not really gzip")
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        answer = await Browser(way.browser.base, session, way.browser.cookies).ask(
            way.prefix + "/x", host=way.host
        )
    assert (answer.status, answer.body) == (206, b"not really gzip")
    assert answer.headers.getall("link") == ["<a>", "<b>"]
    assert answer.headers["etag"] == '"1"'


async def test_what_speaks_for_the_whole_site_is_dropped(way: Way, alpha: Container) -> None:
    alpha.script["/x"] = answering(
        headers={
            "Clear-Site-Data": '"*"', "Strict-Transport-Security": "max-age=9", "Alt-Svc": 'h2="evil:443"',
            "Refresh": "0;url=http://evil", "Service-Worker-Allowed": "/", "Content-Location": "http://evil/",
        }
    )  # fmt: skip
    headers = (await way.ask("/x")).headers
    for name in ("clear-site-data", "strict-transport-security", "alt-svc", "refresh", "content-location"):
        assert name not in headers
    assert headers["service-worker-allowed"] == f"{way.prefix}/"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


async def test_cookies_of_a_container_stay_in_its_place(way: Way, alpha: Container) -> None:
    cookies = [
        "a=1; Domain=ide.test; Path=/; HttpOnly", "b=2; path=/x; SameSite=None", "zlh_dev_ide_token=evil; Path=/",
        "__Host-zlh_dev_ide_token=evil; Path=/; Secure", "=zlh_dev_ide_token=evil", "nameless", " ZLH_DEV_IDE_TOKEN=x",
        "c=3; Path=/../../api", "big=" + "x" * 5000, *(f"bomb{n}={'y' * 1000}" for n in range(40)),
    ]  # fmt: skip
    alpha.script["/x"] = answering(headers=[("Set-Cookie", cookie) for cookie in cookies])
    found = (await way.ask("/x")).cookies
    mark = "" if way.host else "zide6000-"
    assert f"{mark}a=1; HttpOnly; Path={way.prefix}/" in found
    assert f"{mark}b=2; SameSite=None; Path={way.prefix}/x" in found
    assert len(found) == 20
    for cookie in found:
        assert "domain" not in cookie.lower()
        assert "zlh_dev" not in cookie.lower()
        assert way.host or cookie.rpartition("Path=")[2].startswith("/__ide/6000/")


# --- redirects ------------------------------------------------------------------------------------

TUNNEL = Place(6000, None, "/__ide/6000", "api.test")
HOSTED = Place(6000, None, "", "dev-6000.ide.test")
LED = [
    ("/login?to=%2F", "/__ide/6000/login?to=%2F", "/login?to=%2F"),
    ("./?folder=/home", "/__ide/6000/a/?folder=/home", "./?folder=/home"),
    ("../../../../api/x", "/__ide/6000/api/x", "../../../../api/x"),
    ("http://10.0.0.5:6000/x", "/__ide/6000/x", "/x"),
    ("http://localhost:6000", "/__ide/6000/", "/"),
    ("http://127.0.0.1:6000//evil.example/x", "/__ide/6000/evil.example/x", "/evil.example/x"),
    ("https://github.com/login", None, "https://github.com/login"),
    ("//github.com/login", None, "//github.com/login"),
    *((bad, None, None) for bad in (
        "http://10.0.0.6/", "http://10.0.0.5:18888/", "http://localhost/", "http://127.1/", "http://[::1]/",
        "http://2130706433/", "http://0x7f000001/", "http://pve:8006/", "http://agent.local/", "http://a@github.com/",
        "http://169.254.169.254/latest", "javascript:alert(1)", "file:///etc/passwd", "/\\evil.example", "\\\\evil",
        "http:evil.example", "//[", "", " /x", "/x\t", "http://x:99999999/", "data:text/html,x", "x" * 9000)),
]  # fmt: skip


@pytest.mark.parametrize(("location", "tunnel", "hosted"), LED, ids=lambda value: str(value)[:30])
def test_where_a_redirect_leads(location: str, tunnel: str | None, hosted: str | None) -> None:
    assert landed(location, TUNNEL, "/a/b?c", ip="10.0.0.5", port=6000) == tunnel
    assert landed(location, HOSTED, "/a/b?c", ip="10.0.0.5", port=6000) == hosted


@pytest.mark.seed("S93")
async def test_redirects_stay_in_both_forms(way: Way, alpha: Container) -> None:
    for location in (
        f"http://{alpha.ip}:{alpha.ide_port}/next",
        "/next",
        f"http://{way.host or 'localhost'}/next",
    ):
        alpha.script["/go"] = answering(302, {"Location": location})
        answer = await way.ask("/go")
        if "localhost" not in location:
            assert (answer.status, answer.location) == (302, f"{way.prefix}/next")
    alpha.script["/go"] = answering(302, {"Location": "http://127.0.0.1:22/"})
    assert (await way.ask("/go")).status == 502


# --- other sites ----------------------------------------------------------------------------------


@pytest.mark.seed("S100")
async def test_a_page_of_a_sibling_cannot_act_on_an_ide(way: Way, alpha: Container) -> None:
    """Gitpod's CVE-2023-0957, code-server's CVE-2023-26114: same site, another origin."""
    origins = (
        f"http://{HOSTS[6001]}",
        "https://evil.example",
        "null",
        "http://dev-6000.ide.test.evil.example",
    )
    for origin in origins:
        assert (await way.ask("/", method="POST", headers={"Origin": origin})).status == 403
        assert await way.refused("/ws", headers={"Origin": origin}) == 403
    for site in ("same-site", "cross-site"):
        image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        assert (await way.ask("/", headers=image)).status == 403
        assert (await way.ask("/", headers=frame)).status == 403
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert (await way.ask("/", headers=link)).status == 200
    assert len(alpha.asked) == 2


async def test_code_server_s_own_forwarding_takes_ports_only(way: Way, alpha: Container) -> None:
    """Code-server's CVE-2025-47269."""
    for port in (
        "test@evil.example:80",
        "x",
        "80",
        "18888",
        f"{alpha.ide_port}",
        "3000@evil",
        "3000%40evil",
        "0x0bb8",
    ):
        assert (await way.ask(f"/proxy/{port}/")).status == 404, port
        assert (await way.ask(f"/absproxy/{port}")).status == 404, port
    assert alpha.asked == []
    assert (await way.ask("/proxy/3000/x")).status == 200


# --- sockets --------------------------------------------------------------------------------------


@pytest.mark.seed("S93")
async def test_sockets_carry_texts_binaries_and_pings(way: Way, alpha: Container) -> None:
    origin = f"http://{way.host}" if way.host else way.browser.base
    async with way.socket("/ws?x=1", protocols=("other", "vscode"), headers={"Origin": origin}) as socket:
        assert socket.protocol == "vscode"
        await socket.send_str("hé")
        assert await socket.receive_str() == "hé"
        big = bytes(range(256)) * 4 * 4096
        await socket.send_bytes(big)
        assert await socket.receive_bytes() == big
        await alpha.sockets[0].ping(b"there?")
        await socket.send_str("after")
        assert await socket.receive_str() == "after"
    seen = alpha.last
    assert (seen["path"], seen["headers"]["origin"]) == ("/ws?x=1", [origin])
    assert "cookie" not in seen["headers"]
    await eventually(lambda: alpha.sockets[0].closed)


async def test_compression_is_the_container_s_business(way: Way, alpha: Container) -> None:
    async with way.socket("/ws", compress=15) as socket:
        assert socket.compress
        await socket.send_str("x" * 100_000)
        assert await socket.receive_str() == "x" * 100_000
    assert alpha.sockets[0].compress


async def test_a_container_s_goodbye_arrives(way: Way, alpha: Container) -> None:
    async with way.socket("/ws") as socket:
        await eventually(lambda: alpha.sockets)
        closing = asyncio.create_task(alpha.sockets[0].close(code=4321, message=b"bye"))
        message = await socket.receive(timeout=20)
        assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 4321, "bye")
        await closing


async def test_a_refused_upgrade_keeps_its_status(way: Way, alpha: Container) -> None:
    alpha.script["/no"] = answering(403)
    assert await way.refused("/no") == 403
    alpha.script["/no"] = answering(401)
    assert await way.refused("/no") == 502
    alpha.script["/no"] = answering(302, {"Location": "http://evil.example/"})
    assert await way.refused("/no") == 502


@pytest.mark.parametrize(
    ("statement", "end"),
    [
        ("update login_sessions set revoked_at = now()", (4403, "access_revoked")),
        ("update instances set customer_id = null where vmid = 6000", (4403, "access_revoked")),
        ("delete from instances where vmid = 6000", (4404, "server_deleted")),
        (SUSPEND, (4403, "account_suspended")),
    ],
)
async def test_a_right_that_ends_ends_sockets_and_answers_within_a_second(
    way: Way, clients: Clients, alpha: Container, statement: str, end: tuple[int, str]
) -> None:
    async with way.socket("/ws") as socket:
        await socket.send_str("x")
        assert await socket.receive_str() == "x"
        async with clients.database.transaction() as session:
            await session.execute(text(statement))
        began = time.monotonic()
        message = await socket.receive(timeout=20)
        assert time.monotonic() - began < 1.0 * slowness()
        assert (message.type, (message.data, message.extra)) == (aiohttp.WSMsgType.CLOSE, end)
        assert (await way.ask("/")).status in {401, 403, 404}
    await eventually(lambda: alpha.sockets[0].closed)


async def test_an_answer_that_is_silent_ends_with_the_right_too(
    way: Way, clients: Clients, alpha: Container
) -> None:
    asked = asyncio.Event()

    async def silent(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        response = aiohttp.web.StreamResponse()
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        asked.set()
        await asyncio.sleep(60)
        return response

    alpha.script["/events"] = silent
    asking = asyncio.create_task(way.ask("/events"))
    await asked.wait()
    async with clients.database.transaction() as session:
        await session.execute(text("update login_sessions set revoked_at = now()"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await asyncio.wait_for(asking, 20)


async def test_the_process_s_end_ends_sockets(way: Way, api: Api) -> None:
    async with way.socket("/ws") as socket:
        await socket.send_str("x")
        await socket.receive_str()
        api.ide.relay.shut()
        assert (await socket.receive(timeout=20)).data == 1012


async def test_an_absolute_target_is_asked_by_its_own_host(
    browser: Browser, ann: Caller, alpha: Container
) -> None:
    """RFC 9112 §3.2.2: otherwise a proxy and we would serve different hosts."""
    await entered(browser, ann, 6000, hosted=True)
    reader, writer = await asyncio.open_connection(*browser.base.removeprefix("http://").split(":"))
    cookie = f"zlh_dev_ide_token={browser.cookies['zlh_dev_ide_token']}"
    for target, host, expected in (
        (f"http://{HOSTS[6000]}/x?y", "localhost", b"200"),
        ("http://localhost/", HOSTS[6000], b"404"),
    ):
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
        assert expected in await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0)
        reader._buffer.clear()  # type: ignore[attr-defined]
    writer.close()
    assert [each["path"] for each in alpha.asked] == ["/x?y"]


# --- logs -----------------------------------------------------------------------------------------


@pytest.mark.seed("S101")
async def test_nothing_secret_is_logged(
    way: Way, alpha: Container, ann: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = await token_of(ann, 6000)
        await way.ask(f"/?token={token}")
        secret = {"X-Forwarded-For": "9.8.7.6", "X-Secret": "header-value", "Referer": "http://referred/"}
        await way.ask("/x", headers=secret)
        async with way.socket("/ws", headers=secret) as socket:
            await socket.send_str("said-inside")
            await socket.receive_str()
        alpha.script["/x"] = answering(
            302, {"Location": "http://10.1.2.3/leak", "Set-Cookie": "c=container-cookie"}
        )
        assert (await way.ask("/x", headers=secret)).status == 502
        alpha.script["/x"] = answering(500, {"Set-Cookie": "c=container-cookie"})
        await way.ask("/x", headers=secret)
    said = "\n".join(
        f"{r.name} {r.getMessage()} {r.exc_text}" for r in caplog.records if r.name != "aiohttp.client"
    )
    values = [
        token,
        way.browser.cookies["zlh_dev_ide_token"],
        "9.8.7.6",
        "header-value",
        "referred",
        "said-inside",
    ]
    for value in (*values, "10.1.2.3", "container-cookie", str(ann.token)):
        assert value not in said, value


async def test_trusted_proxies_are_believed(api: Api, ann: Caller, alpha: Container) -> None:
    async def ready() -> dict[str, str]:
        return {}

    app = ProxyHeadersMiddleware(create_app(api, ready=ready, cors_origins=()), trusted_hosts="127.0.0.1")
    async with served(app) as url, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        browser = Browser(url, session)
        told = {"X-Forwarded-For": "8.8.8.8, 9.9.9.9", "X-Forwarded-Proto": "https"}
        answer = await browser.ask(f"/?token={await token_of(ann, 6000)}", host=HOSTS[6000], headers=told)
        assert all(cookie.endswith("; Secure") for cookie in answer.cookies)
        browser.keep(answer)
        await browser.ask("/", host=HOSTS[6000], headers=told)
    assert alpha.last["headers"]["x-forwarded-for"] == ["9.9.9.9"]
    assert alpha.last["headers"]["x-forwarded-proto"] == ["https"]
