"""Nothing that a caller, a mirror or a resolver says makes the agent reach or write what it must not.

GHSA-6rg3-8h8x-5xfv and CVE-2024-34068 (Wings) and 155acc92 (MCSManager) are the classes behind this page.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.abc import AbstractResolver
from tests.agent.bench import HOST, Client, agent_here, mod_settings, standing
from tests.agent.hostile_addresses import PRIVATE, PUBLIC, corpus
from tests.support.cdn import JAR, Authority, Cdn, serving_cdn
from yarl import URL

from zpack.agent.mods import download
from zpack.agent.mods.addresses import is_public
from zpack.agent.mods.download import Downloads
from zpack.agent.mods.origins import SourceRefused, parse_origins
from zpack.agent.settings import ModRules, SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import StoreServer

REFUSED = {(400, "source_not_allowed"), (400, "invalid_json"), (502, "download_failed")}


@dataclass
class Trap:
    """Listens where nobody may call."""

    port: int = 0
    visits: int = 0
    servers: list[asyncio.Server] = field(default_factory=list)

    async def visit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    made = Trap()
    for host in ("127.0.0.1", "::1"):
        server = await asyncio.start_server(made.visit, host, made.port)
        made.port = server.sockets[0].getsockname()[1]
        made.servers.append(server)
    yield made
    for server in made.servers:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def prepared(tmp: Path, store: StoreServer, cdn: Cdn, authority: Authority, **changes: str) -> Any:
    standing(tmp)
    async with agent_here(tmp, store, **mod_settings(cdn, authority, **changes)) as client:
        yield client


@pytest.fixture
async def agent(tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority) -> AsyncIterator[Client]:
    async with prepared(
        tmp_path, store, cdn, authority, ZLH_AGENT_MOD_HOSTS=f"cdn.modrinth.com,{cdn.url}"
    ) as client:
        yield client


def snapshot(tmp: Path) -> dict[str, bytes]:
    files = [path for path in tmp.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(tmp)): path.read_bytes() for path in files}


async def install(agent: Client, body: Any) -> tuple[int, Any]:
    code, answer = await agent.post("/game/mods/install", body)
    return code, answer["error"] if code != 200 else answer["mod"]["id"]


def test_the_corpus_is_large() -> None:
    assert len(corpus(1)) + len(PRIVATE) > 250


async def test_no_address_of_the_corpus_is_asked(agent: Client, cdn: Cdn, trap: Trap, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    order = cdn.order()
    answers = {repr(url): await install(agent, order | {"download_url": url}) for url in corpus(trap.port)}
    assert {url: said for url, said in answers.items() if said not in REFUSED} == {}
    assert (trap.visits, cdn.asked) == (0, [])
    assert snapshot(tmp_path) == before


async def test_no_redirect_leads_there_either(
    tmp_path: Path, store: StoreServer, authority: Authority, trap: Trap
) -> None:
    fit = [url for url in corpus(trap.port) if isinstance(url, str) and url.isprintable() and "://" in url]
    answers: dict[str, Any] = {}
    async with (
        serving_cdn(HOST, None) as cdn,
        prepared(tmp_path, store, cdn, authority) as agent,
    ):
        order = cdn.order("/data/from.jar")
        for url in fit:
            cdn.redirects["/data/from.jar"] = url
            answers[url] = await install(agent, order)
    assert len(answers) > 200
    refused = {*REFUSED, (502, "too_many_redirects")}
    assert {url: said for url, said in answers.items() if said not in refused} == {}
    assert trap.visits == 0


async def test_a_name_that_leads_inside_is_refused_where_it_connects(
    tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority, trap: Trap
) -> None:
    hosts = f"localhost:{trap.port}"
    async with prepared(tmp_path, store, cdn, authority, ZLH_AGENT_MOD_HOSTS=hosts) as agent:
        order = cdn.order() | {"download_url": f"https://localhost:{trap.port}/a.jar"}
        assert await install(agent, order) == (400, "source_not_allowed")
    assert trap.visits == 0


class Resolver(AbstractResolver):
    """Answers each look-up with the next of its answers."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        self.asked += 1
        address = self.answers.pop(0)
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


def downloads(authority: Authority, resolver: Resolver, port: int) -> Downloads:
    rules = ModRules(parse_origins(f"cdn.example:{port}"), authority.file, 1 << 20, 5)
    return Downloads(rules=rules, resolver=lambda: resolver)


async def fetched(downloads: Downloads, url: str) -> bytes:
    async with downloads.open(downloads.check(url)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_whatever_the_resolver_says_no_inner_address_gets_a_socket(
    authority: Authority, trap: Trap
) -> None:
    resolver = Resolver(*(a for a in PRIVATE if "." in a or ":" in a))
    careful = downloads(authority, resolver, trap.port)
    for asked in range(1, 1 + len(resolver.answers)):
        with pytest.raises(SourceRefused):
            await fetched(careful, f"https://cdn.example:{trap.port}/a.jar")
        assert resolver.asked == asked
    assert (trap.visits, resolver.answers) == (0, [])


async def test_a_rebound_name_is_refused(
    authority: Authority, cdn: Cdn, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "is_public", lambda address: address == HOST)
    port = int(cdn.url.rpartition(":")[2])
    cdn.put("/a.jar")
    resolver = Resolver(HOST, "127.0.0.1", HOST)
    place = f"https://cdn.example:{port}"
    assert await fetched(downloads(authority, resolver, port), f"{place}/a.jar") == JAR
    assert resolver.asked == 1  # what was checked is what was connected to: nobody asked again
    with pytest.raises(SourceRefused):
        await fetched(downloads(authority, resolver, port), f"{place}/a.jar")
    cdn.redirects["/b.jar"] = f"{place}/a.jar"
    resolver.answers.append("127.0.0.1")
    with pytest.raises(SourceRefused):
        await fetched(downloads(authority, resolver, port), f"{place}/b.jar")
    assert (resolver.asked, trap.visits) == (4, 0)


@pytest.mark.parametrize("address", PRIVATE)
def test_these_are_not_the_internet(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_these_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "hosts",
    ["ftp://cdn.example", "http://cdn.example", "http://192.168.0.1:80", "https://u@cdn.example", "https://",
     "https://cdn.example/path", "https://cdn.example?x", "127.0.0.1", "0x7f.1", "2130706433", "::1", "a b",
     "cdn.example:99999"],
)  # fmt: skip
def test_hosts_that_cannot_be_meant_stop_the_start(hosts: str) -> None:
    with pytest.raises(SettingsError, match="ZLH_AGENT_MOD_HOSTS"):
        read_settings({"ZLH_AGENT_MOD_HOSTS": hosts})


def test_without_a_setting_mods_come_from_the_two_hosts_of_the_contract() -> None:
    origins = read_settings({}).mods.origins
    assert [(o.scheme, o.host, o.port, o.local) for o in origins] == [
        ("https", "cdn.modrinth.com", 443, False), ("https", "artifacts.zerolaghub.com", 443, False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("manner", "answer"),
    [
        ("truncated", (502, "download_failed")), ("broken", (502, "download_failed")),
        ("html", (502, "hash_mismatch")), ("huge", (413, "mod_too_large")),
        ("endless", (413, "mod_too_large")), ("slow", (504, "download_timeout")),
        ("silent", (504, "download_timeout")),
    ],
)  # fmt: skip
async def test_what_does_not_come_whole_leaves_nothing(  # noqa: PLR0917 - pytest names them
    tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority, manner: str, answer: Any
) -> None:
    cdn.manner["/data/x/a.jar"] = manner
    seconds = "0.5" if answer[0] == 504 else "20"
    async with prepared(tmp_path, store, cdn, authority, ZLH_AGENT_MOD_SECONDS=seconds) as agent:
        before = snapshot(tmp_path)
        assert await install(agent, cdn.order()) == answer
        assert snapshot(tmp_path) == before
        assert (await agent.status())["operationInProgress"] is False


@pytest.mark.parametrize("algorithm", ["sha512", "sha256", "sha1"])
async def test_another_content_than_was_meant_is_not_kept(agent: Client, cdn: Cdn, algorithm: str) -> None:
    order = cdn.order()
    del order["sha512"]
    digits = {"sha512": 128, "sha256": 64, "sha1": 40}[algorithm]
    assert await install(agent, order | {algorithm: "0" * digits}) == (502, "hash_mismatch")
    assert list((agent.folder / "mods").iterdir()) == []


async def test_a_missing_file_a_chain_and_a_loop(agent: Client, cdn: Cdn) -> None:
    order = cdn.order("/data/x/a.jar")
    hops = [f"/hop/{n}" for n in range(4)]
    cdn.redirects |= dict(zip(hops, [*hops[1:], "/data/x/a.jar"], strict=True))
    assert await install(agent, order | {"download_url": f"{cdn.url}/none.jar"}) == (502, "download_failed")
    start = order | {"download_url": cdn.url + hops[0]}
    assert await install(agent, start) == (502, "too_many_redirects")
    cdn.redirects["/loop"] = "/loop"
    assert await install(agent, order | {"download_url": f"{cdn.url}/loop"}) == (502, "too_many_redirects")
    assert await install(agent, order | {"download_url": cdn.url + hops[1]}) == (200, "a.jar")


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, store: StoreServer, cdn: Cdn, authority: Authority
) -> None:
    async with prepared(tmp_path, store, cdn, authority, ZLH_AGENT_MOD_CA_FILE="") as agent:
        assert await install(agent, cdn.order()) == (502, "download_failed")
    assert cdn.asked == []


NAMES = [
    "", ".jar", "..jar", "../a.jar", "..", "../../etc/cron.d/a.jar", "/etc/a.jar", "a/b.jar", "a\\b.jar",
    "C:\\a.jar", "a b.jar", "a.jar ", " a.jar", "a.jar\n", "a\n.jar", "a\x00.jar", "a.jar\x00.txt", "a.JAR",
    "a.jar.exe", "a.jar.disabled", "a.zip", "a", "jar", ".a.jar", ".zlh-shadow.jar", "a%2fb.jar", "a%00.jar",
    "ä.jar", "a\u202ejar.jar", "\ud800.jar", "a;b.jar", "$(id).jar", "`id`.jar", "a|b.jar", "a*.jar", "a?.jar",
    "a:b.jar", "a'b.jar", 'a"b.jar', "<a>.jar", "a\tb.jar", "~/a.jar", "a" * 300 + ".jar", None, 7, [], {},
    ["a.jar"],
]  # fmt: skip


async def test_no_hostile_name_is_written(agent: Client, cdn: Cdn, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    order = cdn.order()
    answers = {repr(name): await install(agent, order | {"filename": name}) for name in NAMES}
    assert {
        n: a for n, a in answers.items() if a not in {(400, "invalid_filename"), (400, "invalid_json")}
    } == {}
    assert snapshot(tmp_path) == before
    assert cdn.asked == []


IDS = [
    "%2e%2e", "..%2f..%2fpayload.json", "%2e%2e%2fserver.properties", "..%5c..%5ca.jar", "a%2fb.jar",
    "%2fetc%2fpasswd", "server.properties", "..%2fa.jar", "..%2f..%2f..%2fa.jar", "a.jar%00", "a%00.jar",
    ".a.jar", ".jar", ".disabled", ".jar.disabled", "%ff.jar", "%ed%a0%80.jar", "a%0a.jar", "%20", "install",
    "a.jar%2f", "a.jar%2f..", "%2e%2fa.jar", "a" * 300 + ".jar", "%F0%9F%92%A9", "a.jar.disabled.disabled",
]  # fmt: skip


async def test_no_hostile_id_reaches_a_file(agent: Client, tmp_path: Path) -> None:
    (agent.folder / "a.jar").write_bytes(b"not a mod")
    (agent.folder / "mods").mkdir()
    before = snapshot(tmp_path)
    answers: dict[str, int] = {}
    for method in ("GET", "PATCH", "DELETE"):
        for each in IDS:
            url = URL(f"{agent.url}/game/mods/{each}", encoded=True)
            async with agent.http.request(method, url, json={"enabled": False}) as answer:
                answers[f"{method} {each}"] = answer.status
    assert {name: code for name, code in answers.items() if code not in {400, 404, 405}} == {}
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"source": "curseforge"}, "unsupported_source"), ({"source": None}, "unsupported_source"),
        ({"sha512": None}, "hash_required"), ({"sha512": "abc"}, "invalid_hash"),
        ({"sha512": "g" * 128}, "invalid_hash"), ({"sha512": 7}, "invalid_hash"),
        ({"sha512": None, "sha1": "0" * 39}, "invalid_hash"), ({"project_id": "../x"}, "invalid_request"),
        ({"version_id": 7}, "invalid_request"), ({"name": "\n"}, "invalid_request"),
        ({"name": "x" * 200}, "invalid_request"),
    ],
)  # fmt: skip
async def test_bad_orders_are_400(agent: Client, cdn: Cdn, changes: Any, error: str) -> None:
    assert await install(agent, cdn.order() | changes) == (400, error)


@pytest.mark.parametrize("body", [None, [], "x", 7, {}])
async def test_what_is_no_order_is_400(agent: Client, body: Any) -> None:
    assert (await install(agent, body))[0] == 400
