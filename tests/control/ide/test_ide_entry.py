"""Who is let into an IDE, how, and what the browser is given (contract §2.7, §7.2)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.control.ide.conftest import HOSTS, Browser, Way, entered, token_of
from tests.support.tokens import key_of, parts_of, signed

if TYPE_CHECKING:
    from tests.support.containers import Container
    from tests.support.http import Caller
    from zpack.control.settings import Settings

pytestmark = pytest.mark.usefixtures("alpha")


# --- the token ------------------------------------------------------------------------------------


@pytest.mark.seed("S92")
async def test_a_token_is_for_some_minutes_and_one_container(ann: Caller) -> None:
    body = (await ann.post("/api/dev/6000/ide-token")).body
    _, claims = parts_of(body["token"])
    assert (claims["vmid"], claims["type"], claims["aud"]) == (6000, "dev-ide", "zpack:ide")
    assert body["expiresIn"] == 300 == claims["exp"] - claims["iat"]


@pytest.mark.seed("S92")
async def test_a_token_is_for_owners_of_dev_containers(ann: Caller, bob: Caller, anyone: Caller) -> None:
    path = "/api/dev/{}/ide-token"
    assert (await anyone.post(path.format(6000))).status == 401
    assert (await bob.post(path.format(6000))).status == 404
    assert (await ann.post(path.format(6500))).status == 404
    assert (await ann.post(path.format(5000))).body["error"] == "wrong_container_type"


@pytest.mark.seed("S95")
async def test_the_address_is_a_path_by_default(ann: Caller) -> None:
    body = (await ann.post("/api/dev/6000/ide-token")).body
    assert body["url"] == body["tunnelUrl"] == f"/api/dev/6000/ide?token={body['token']}"


async def test_no_token_for_a_port_that_is_not_forwarded(ann: Caller) -> None:
    for port in (80, 1023, 65536, 0, -1, "3000", 18888, True, 3000.5):
        assert (await ann.post("/api/dev/6000/ide-token", {"port": port})).status in {400, 404}, port


class TestHostedAddress:
    """With DEV_IDE_RETURN_HOSTED_URL."""

    @pytest.fixture
    def extra(self, extra: dict[str, Any]) -> dict[str, Any]:
        return extra | {"ide_return_hosted": True, "ide_scheme": "https"}

    @pytest.mark.seed("S95", "S94")
    async def test_the_address_is_the_host_s(self, ann: Caller, browser: Browser) -> None:
        body = (await ann.post("/api/dev/6000/ide-token")).body
        assert body["url"] == f"https://dev-6000.ide.test/?token={body['token']}"
        assert body["tunnelUrl"] == f"/__ide/6000/?token={body['token']}"
        body = (await ann.post("/api/dev/6000/ide-token", {"port": 3000})).body
        assert body["url"] == f"https://3000-dev-6000.ide.test/?token={body['token']}"
        assert body["tunnelUrl"] == f"/__ide/6000/port/3000/?token={body['token']}"
        sent = await browser.ask(f"/api/dev/6000/ide?token={body['token']}")
        assert sent.location.startswith("https://dev-6000.ide.test/?token=")
        assert sent.cookies == []

    @pytest.mark.seed("S100")
    async def test_cookies_are_secure_and_no_sibling_can_set_them(
        self, ann: Caller, browser: Browser
    ) -> None:
        """Gitpod's CVE-2024-21583."""
        answer = await browser.ask(f"/?token={await token_of(ann, 6000)}", host=HOSTS[6000])
        names = [cookie.partition("=")[0] for cookie in answer.cookies]
        assert names == ["__Host-zlh_dev_ide_token", "zlh_dev_ide_token"]
        for cookie in answer.cookies:
            assert cookie.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure")

    async def test_there_is_no_tunnel_where_the_portal_is(self, browser: Browser, ann: Caller) -> None:
        token = await token_of(ann, 6000)
        answer = await browser.ask(f"/__ide/6000/?token={token}", host="localhost:3000")
        assert answer.status == 404


# --- the first hit --------------------------------------------------------------------------------


@pytest.mark.seed("S94", "S100")
async def test_hosted_the_token_becomes_a_cookie_and_leaves_the_address(
    ann: Caller, browser: Browser
) -> None:
    token = await token_of(ann, 6000)
    answer = await browser.ask(f"/?a=1&token={token}&b=%20", host=HOSTS[6000])
    assert (answer.status, answer.location) == (302, "/?a=1&b=%20")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    [cookie] = answer.cookies
    assert cookie.startswith("zlh_dev_ide_token=")
    assert cookie.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax")
    assert token not in cookie


@pytest.mark.seed("S93", "S100")
async def test_the_bootstrap_leads_into_the_tunnel(ann: Caller, browser: Browser, alpha: Container) -> None:
    url = (await ann.post("/api/dev/6000/ide-token")).body["url"]
    answer = await browser.ask(url)
    assert (answer.status, answer.location) == (302, "/__ide/6000/")
    [cookie] = answer.cookies
    assert "; Path=/__ide/6000/; Max-Age=43200; HttpOnly; SameSite=Lax" in cookie
    browser.keep(answer)
    assert (await browser.ask("/__ide/6000/x?y")).status == 200
    assert alpha.last["path"] == "/x?y"


async def test_a_bearer_opens_the_bootstrap_too(ann: Caller, bob: Caller, browser: Browser) -> None:
    path = "/api/dev/6000/ide"
    assert (await browser.ask(path)).status == 401
    assert (await browser.ask(path, headers={"Authorization": f"Bearer {bob.token}"})).status == 404
    answer = await browser.ask(path, headers={"Authorization": f"Bearer {ann.token}"})
    assert answer.location == "/__ide/6000/"


async def test_a_missing_slash_is_added(browser: Browser) -> None:
    answer = await browser.ask("/__ide/6000?x=1")
    assert (answer.status, answer.location) == (302, "/__ide/6000/?x=1")


async def test_an_old_address_still_leads_in_whoever_is_in(way: Way) -> None:
    answer = await way.ask("/?token=old&folder=/home")
    assert (answer.status, answer.location) == (302, f"{way.prefix}/?folder=/home")
    assert answer.cookies == []


# --- who is not let in ----------------------------------------------------------------------------


@pytest.mark.seed("S93", "S94")
async def test_nobody_passes_without_a_cookie(browser: Browser, form: str, alpha: Container) -> None:
    """As a request, and as an upgrade: jupyter-server-proxy's CVE-2024-28179."""
    prefix, host = ("", HOSTS[6000]) if form == "hosted" else ("/__ide/6000", None)
    assert (await browser.ask(f"{prefix}/", host=host)).status == 401
    assert await browser.refused(f"{prefix}/ws", host=host) == 401
    for token in ("", "x", "a.b.c"):
        assert (await browser.ask(f"{prefix}/?token={token}", host=host)).status == 401
        assert await browser.refused(f"{prefix}/ws?token={token}", host=host) == 401
    assert alpha.asked == []


async def test_an_access_token_is_no_ide_token_and_the_other_way(ann: Caller, browser: Browser) -> None:
    assert (await browser.ask(f"/?token={ann.token}", host=HOSTS[6000])).status == 401
    bearer = {"Authorization": f"Bearer {await token_of(ann, 6000)}"}
    assert (await browser.ask("/api/auth/me", headers=bearer)).status == 401
    assert (
        await browser.ask("/", host=HOSTS[6000], headers={"Authorization": f"Bearer {ann.token}"})
    ).status == 401


async def test_the_cookie_is_nothing_to_the_api(way: Way) -> None:
    """JupyterHub: what rides along by itself must not be able to act."""
    value = way.browser.cookies["zlh_dev_ide_token"]
    assert (await way.browser.ask("/api/auth/me")).status == 401
    bearer = {"Authorization": f"Bearer {value}"}
    assert (await way.browser.ask("/api/auth/me", headers=bearer)).status == 401


@pytest.mark.seed("S94")
async def test_a_token_or_cookie_of_one_container_is_none_of_another(
    way: Way, form: str, ann: Caller, beta: Container
) -> None:
    token = await token_of(ann, 6000)
    prefix, host = ("", HOSTS[6001]) if form == "hosted" else ("/__ide/6001", None)
    assert (await way.browser.ask(f"{prefix}/", host=host)).status == 401
    assert (await way.browser.ask(f"{prefix}/?token={token}", host=host)).status == 401
    assert await way.browser.refused(f"{prefix}/ws", host=host) == 401
    assert beta.asked == []


async def test_a_cookie_of_one_form_is_none_of_the_other(way: Way, form: str) -> None:
    prefix, host = ("/__ide/6000", None) if form == "hosted" else ("", HOSTS[6000])
    assert (await way.browser.ask(f"{prefix}/", host=host)).status == 401


async def test_forged_tokens(ann: Caller, browser: Browser, settings: Settings) -> None:
    header, claims = parts_of(await token_of(ann, 6000))
    key = key_of(settings.auth_secret.get_secret_value(), "ide")
    for change in ({"vmid": 6001}, {"type": "x"}, {"aud": "zpack:access"}, {"exp": 1}, {"sid": "x"}):
        forged = signed(header, claims | change, key)
        assert (await browser.ask(f"/?token={forged}", host=HOSTS[6000])).status == 401, change


async def test_a_cookie_that_has_ended(way: Way, settings: Settings) -> None:
    header, claims = parts_of(way.browser.cookies["zlh_dev_ide_token"])
    key = key_of(settings.auth_secret.get_secret_value(), "ide_cookie")
    way.browser.cookies["zlh_dev_ide_token"] = signed(header, claims | {"exp": time.time() - 1}, key)
    assert (await way.ask("/")).status == 401


async def test_cookies_that_a_sibling_tosses_do_not_lock_the_owner_out(way: Way) -> None:
    good = way.browser.cookies.pop("zlh_dev_ide_token")
    tossed = {"Cookie": f"zlh_dev_ide_token=tossed; __Host-zlh_dev_ide_token=x; zlh_dev_ide_token={good}"}
    assert (await way.ask("/", headers=tossed)).status == 200
    assert (await way.ask("/", headers={"Cookie": "zlh_dev_ide_token=tossed"})).status == 401


async def test_an_administrator_opens_another_s_ide_only_under_its_own_host(
    root: Caller, browser: Browser
) -> None:
    token = await token_of(root, 6000)
    assert (await browser.ask(f"/?token={token}", host=HOSTS[6000])).status == 302
    refused = await browser.ask(f"/__ide/6000/?token={token}")
    assert (refused.status, b"hosted_form_needed" in refused.body) == (403, True)


# --- host names -----------------------------------------------------------------------------------


@pytest.mark.seed("S93")
async def test_ways_to_write_a_host(ann: Caller, browser: Browser) -> None:
    await entered(browser, ann, 6000, hosted=True)
    for host in ("DEV-6000.IDE.TEST", "dev-6000.ide.test:443", "dev-6000.ide.test."):
        assert (await browser.ask("/", host=host)).status == 200, host


NO_HOSTS = (
    "dev-06000.ide.test", "dev-6000x.ide.test", "xdev-6000.ide.test", "dev-6000.x.ide.test", "dev-5000.ide.test",
    "dev-99999999999.ide.test", "-dev-6000.ide.test", "80-dev-6000.ide.test", "65536-dev-6000.ide.test",
    "18888-dev-6000.ide.test", "api.ide.test", "dev-6000.ide.test..", "user@dev-6000.ide.test",
    "dev-6000.ide.test,x", "dev-6000.ide.test:x", "dev-6000%2eide.test.ide.test",
)  # fmt: skip


async def test_below_the_suffix_is_nothing_else(ann: Caller, browser: Browser, alpha: Container) -> None:
    await entered(browser, ann, 6000, hosted=True)
    for host in NO_HOSTS:
        for path in ("/", "/api/health", "/__ide/6000/"):
            assert (await browser.ask(path, host=host)).status == 404, (host, path)
    assert alpha.asked == []


async def test_other_hosts_are_the_api_s(browser: Browser) -> None:
    for host in ("ide.test", "dev-6000.ide.test.evil.example", "[::1]:80", "evil-ide.test", "x"):
        assert (await browser.ask("/api/health", host=host)).status == 200, host


async def test_a_forwarded_host_is_not_looked_at(ann: Caller, browser: Browser, alpha: Container) -> None:
    """Coder's CVE-2026-55430."""
    await entered(browser, ann, 6000, hosted=True)
    lies = {
        "X-Forwarded-Host": HOSTS[6000],
        "Forwarded": f"host={HOSTS[6000]}",
        "X-Original-Host": HOSTS[6000],
    }
    assert (await browser.ask("/", headers=lies)).status == 404
    assert (await browser.ask("/", host=HOSTS[6001], headers=lies)).status in {401, 404}
    assert alpha.asked == []


async def test_paths_that_are_no_ide(browser: Browser) -> None:
    for path in (
        "",
        "x/",
        "06000/",
        "5000/",
        "6000x/",
        "6000%2f/",
        "6000/port/",
        "6000/port/80/",
        "6000/port/3000x/",
    ):
        assert (await browser.ask(f"/__ide/{path}")).status == 404, path
