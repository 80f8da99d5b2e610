"""What the portal refuses: forged mutations, other hosts, other people's pages, scripts that are not ours."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from tests.support.visitor import Visitor

HOSTILE_NEXT = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
]


async def test_who_is_not_logged_in_is_asked_to_and_comes_back(visitor: Visitor) -> None:
    page = await visitor.get("/dashboard?a=b")
    assert urlsplit(page.url).path == "/login"
    assert page.one("input[name=next]")["value"] == "/dashboard?a=b"


async def test_a_login_leads_on_and_no_script_can_read_its_cookies(ann: Visitor) -> None:
    assert ann.page is not None
    assert (ann.page.status, ann.page.path) == (200, "/dashboard")
    async with ann.session.get(ann.base + "/login", allow_redirects=False) as answer:
        assert answer.status == 303
    assert all(cookie["httponly"] for cookie in ann.session.cookie_jar if not cookie.key.startswith("theme"))


@pytest.mark.parametrize("target", HOSTILE_NEXT)
async def test_a_login_never_leads_elsewhere(visitor: Visitor, target: str) -> None:
    page = await visitor.get("/login", params={"next": target})
    assert page.one("input[name=next]")["value"] == "/dashboard"


async def test_a_wrong_password_is_told_beside_the_form(visitor: Visitor, ann: Visitor) -> None:
    page = await visitor.logs_in("ann", "wrong")
    assert page.status == 401
    assert page.one("[role=alert]")
    assert page.one("input[name=identifier]")["value"] == "ann"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_of_another_page_does_nothing(ann: Visitor, headers: dict[str, str]) -> None:
    page = await ann.get("/dashboard")
    token = page.one('form[action="/logout"] input[name=csrf]')["value"]
    answer = await ann.send("POST", "/logout", data={"csrf": token}, headers=headers)
    assert answer.status == 403
    assert (await ann.get("/dashboard")).path == "/dashboard"


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é", "a" * 5000])
async def test_nor_does_one_without_the_right_token(ann: Visitor, token: str) -> None:
    answer = await ann.send("POST", "/logout", data={"csrf": token}, headers={"Origin": ann.base})
    assert answer.status == 403


async def test_logging_out_ends_the_session_everywhere(ann: Visitor) -> None:
    assert ann.api is not None
    before = SimpleCookie({c.key: c.value for c in ann.session.cookie_jar})
    await ann.get("/dashboard")
    assert (await ann.submit('form[action="/logout"]')).path == "/"
    headers = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in before.items())}
    async with ann.session.get(ann.base + "/dashboard", headers=headers, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_the_portal_is_under_one_name_only(ann: Visitor, base_url: str) -> None:
    async with ann.session.get(base_url + "/servers?a=b", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (307, f"{ann.base}/servers?a=b")
    async with ann.session.post(base_url + "/logout", allow_redirects=False) as answer:
        assert answer.status == 421


async def test_the_tunnel_of_an_ide_is_not_under_that_name(ann: Visitor) -> None:
    async with ann.session.get(ann.base + "/__ide/6000/", allow_redirects=False) as answer:
        assert answer.status == 404


async def test_every_page_forbids_foreign_scripts_and_frames(visitor: Visitor) -> None:
    for path in ("/", "/login", "/nowhere"):
        policy = (await visitor.get(path)).headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


async def test_what_the_api_has_not_stays_the_apis_answer(visitor: Visitor) -> None:
    page = await visitor.get("/api/nowhere")
    assert (page.status, page.headers["Content-Type"]) == (404, "application/json")


async def test_the_chosen_look_is_kept(visitor: Visitor) -> None:
    await visitor.get("/login")
    page = await visitor.submit('form[action="/theme"]', theme="dark")
    assert (page.path, page.one("html")["data-theme"]) == ("/login", "dark")


class TestBehindTls:
    """A front that ends TLS says so; cookies then are such as no other host can set."""

    @pytest.fixture
    def proxies(self) -> str:
        return "127.0.0.1"

    async def test_cookies_are_secure(self, visitor: Visitor) -> None:
        tls = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        page = await visitor.get("/login", headers=tls)
        [csrf] = SimpleCookie(page.headers["Set-Cookie"]).values()
        token = page.one('form[action="/login"] input[name=csrf]')["value"]
        sent = tls | {"Cookie": f"{csrf.key}={csrf.value}", "Origin": visitor.base.replace("http:", "https:")}
        form = {"csrf": str(token)}
        async with visitor.session.post(
            visitor.base + "/logout", data=form, headers=sent, allow_redirects=False
        ) as answer:
            assert answer.status == 303
            cookies = answer.headers.getall("Set-Cookie")
        assert any("notice" in cookie for cookie in cookies)
        assert all(
            cookie.startswith("__Host-zpack_") and "; Secure" in cookie and "; HttpOnly" in cookie
            for cookie in [*cookies, page.headers["Set-Cookie"]]
        )
