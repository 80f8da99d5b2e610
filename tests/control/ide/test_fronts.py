"""The examples of deploy/front, each with the real program: names, WebSockets, who is believed."""

from __future__ import annotations

import io
import re
import shutil
import socket
import ssl
import subprocess
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme
import yaml
from aiohttp.abc import AbstractResolver

from tests.control.conftest import served
from tests.control.ide.conftest import Browser, token_of
from tests.support.ports import free_port
from tests.support.traefik import BINARY, own_address
from tests.support.waiting import eventually
from zpack.control.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.containers import Container
    from tests.support.http import Caller
    from zpack.control.wiring import Api

FRONT = Path(__file__).parents[3] / "deploy" / "front"
HOST = own_address()
TOKEN = "a provider token for tests"
ELSEWHERE = "127.44.0.9"
"""Where the browser is."""
TLS, PLAIN = 8443, 8088
API, IDE = f"api.example.com:{TLS}", f"dev-6000.ide.example.com:{TLS}"
PORTAL = f"panel.example.com:{TLS}"
CERTIFICATES = re.compile(r"/etc/letsencrypt/live/[a-z.]+/")


class Everywhere(AbstractResolver):
    """Every name is the front's."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> Any:
        return [
            {"hostname": host, "host": HOST, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        ]

    async def close(self) -> None:
        """Hold nothing."""


@dataclass
class Front:
    """A browser before the front, and the certificate it trusts."""

    browser: Browser
    believes: ssl.SSLContext


@pytest.fixture(scope="module")
def control_port() -> int:
    return free_port()


@pytest.fixture
def extra(ports: tuple[int, int], control_port: int) -> dict[str, Any]:
    return {
        "code_server_port": ports[0],
        "ide_suffix": f"ide.example.com:{TLS}",
        "ide_scheme": "https",
        "traefik_provider_token": TOKEN,
        "traefik_service_urls": f"http://127.0.0.1:{control_port}",
    }


@pytest.fixture
async def base_url(api: Api, control_port: int) -> AsyncIterator[str]:
    async def ready() -> dict[str, str]:
        return {}

    app = create_app(api, ready=ready, cors_origins=())
    async with served(app, proxies="127.0.0.1", port=control_port) as url:
        yield url


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, trustme.CA]:
    folder, made = tmp_path_factory.mktemp("tls"), trustme.CA()
    issued = made.issue_cert("api.example.com", "panel.example.com", "*.ide.example.com")
    issued.private_key_pem.write_to_path(str(folder / "privkey.pem"))
    for part in issued.cert_chain_pems:
        part.write_to_path(str(folder / "fullchain.pem"), append=True)
    return folder, made


def _here(text: str, certificates: Path, control_port: int) -> str:
    """Return an example with our certificates and the port of our API."""
    return CERTIFICATES.sub(f"{certificates}/", text).replace("127.0.0.1:4000", f"127.0.0.1:{control_port}")


@contextmanager
def _running(*command: str | Path) -> Iterator[None]:
    process = subprocess.Popen([str(word) for word in command])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def nginx(folder: Path, certificates: Path, control_port: int) -> Iterator[None]:
    text = _here((FRONT / "nginx.conf").read_text(), certificates, control_port)
    text = text.replace("listen 443", f"listen {HOST}:{TLS}").replace("listen 80", f"listen {HOST}:{PLAIN}")
    text = text.replace("/var/log/nginx", str(folder))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off; error_log {folder}/error.log; pid {folder}/pid; events {{}} http {{ {temporary} {text} }}"
    (folder / "nginx.conf").write_text(main)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with _running(program, "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"):
        yield


@contextmanager
def traefik(folder: Path, certificates: Path, control_port: int, *, provided: bool = False) -> Iterator[None]:
    dynamic = folder / "dynamic"
    dynamic.mkdir()
    example = (FRONT / "traefik" / "zpack.yml").read_text()
    routes = yaml.safe_load(_here(example, certificates, control_port))
    static = yaml.safe_load((FRONT / "traefik" / "traefik.yml").read_text())
    static["entryPoints"]["web"]["address"] = f"{HOST}:{PLAIN}"
    static["entryPoints"]["websecure"]["address"] = f"{HOST}:{TLS}"
    static["providers"]["file"]["directory"] = str(dynamic)
    if provided:
        del routes["http"]["routers"]["ide"]
        static["providers"]["http"] = {
            "endpoint": f"http://127.0.0.1:{control_port}/internal/traefik/config",
            "headers": {"Authorization": f"Bearer {TOKEN}"},
            "pollInterval": "200ms",
        }
    (dynamic / "zpack.yml").write_text(yaml.safe_dump(routes))
    (folder / "traefik.yml").write_text(yaml.safe_dump(static))
    with _running(BINARY, f"--configFile={folder / 'traefik.yml'}"):
        yield


def provided(folder: Path, certificates: Path, control_port: int) -> AbstractContextManager[None]:
    """Have the router of IDE hosts come from zpack, as its HTTP provider gives it."""
    return traefik(folder, certificates, control_port, provided=True)


@pytest.fixture(params=[nginx, traefik, provided])
async def front(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    authority: tuple[Path, trustme.CA],
    control_port: int,
    base_url: str,
) -> AsyncIterator[Front]:
    certificates, issuer = authority
    believes = ssl.create_default_context()
    issuer.configure_trust(believes)
    connector = aiohttp.TCPConnector(resolver=Everywhere(), ssl=believes, local_addr=(ELSEWHERE, 0))
    with request.param(tmp_path, certificates, control_port):
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            made = Front(Browser(f"https://{IDE}", session), believes)
            await eventually(lambda: _ways(session), what="both ways through the front")
            yield made


async def _ways(session: aiohttp.ClientSession) -> bool:
    """Say whether the front leads to the API, and by the host name of an IDE to its gate."""
    try:
        async with session.get(f"https://{API}/api/health") as api, session.get(f"https://{IDE}/") as ide:
            return (api.status, ide.status) == (200, 401)
    except aiohttp.ClientError:
        return False


async def test_an_ide_behind_a_front(front: Front, ann: Caller, alpha: Container) -> None:
    browser = front.browser
    lies = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http"}
    admitted = await browser.ask(f"/?token={await token_of(ann, 6000)}", headers=lies)
    assert admitted.status == 302
    assert all("; Secure" in cookie for cookie in admitted.cookies)
    browser.keep(admitted)
    assert (await browser.ask("/", headers=lies)).status == 200
    seen = alpha.last["headers"]
    assert (seen["host"], seen["x-forwarded-for"], seen["x-forwarded-proto"]) == (
        [IDE],
        [ELSEWHERE],
        ["https"],
    )
    async with browser.socket("/socket") as spoken:
        await spoken.send_str("through the front")
        assert "through the front" in (await spoken.receive_str(timeout=10))
    sent = await browser.ask(
        "/upload", method="POST", data=io.BytesIO(bytes(3 << 20)), headers={"Origin": f"https://{IDE}"}
    )
    assert b"3145728" in sent.body


async def test_what_is_nobody_s(front: Front, ann: Caller, alpha: Container) -> None:
    session = front.browser.session
    for url in (
        f"https://{API}/internal/velocity/servers",
        f"https://{PORTAL}/internal/velocity/servers",
        f"https://evil-6000.ide.example.com:{TLS}/",
        f"https://dev-6000x.ide.example.com:{TLS}/",
    ):
        async with session.get(url) as answer:
            assert answer.status == 404, url
    async with session.get(f"http://api.example.com:{PLAIN}/api/health", allow_redirects=False) as answer:
        assert answer.status in {301, 308}
        assert answer.headers["Location"].startswith("https://api.example.com")
    async with session.get(f"https://{PORTAL}/api/health") as answer:
        assert answer.status == 200, "the portal's name leads nowhere"
    del ann, alpha
