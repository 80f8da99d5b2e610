"""Every kind of link with a counterpart that can be looked into: one entry in ``RIGS`` each.

A link joins the fault matrix by its entry: a game that wants it, a counterpart, the settings that point at it, and
what the counterpart holds of ours. The counterpart, and what is a stranger's there, outlives the test.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.control.provisioning.counterparts import GameProxy, every_path, serving
from tests.control.publishing.traefik_rig import (
    LUANTI,
    traefik_s_answers,
    traefik_s_files,
    traefik_s_provider,
)
from tests.support.dns import ADDRESS, KEY_NAME, ZONE, between, running
from tests.support.faulty_road import DnsRoad, Road, faulty_road
from tests.support.opnsense import Router, simulated_opnsense
from zpack.control.publishing.links import DOORS
from zpack.simulate.cloudflare.app import BASE, Account
from zpack.simulate.serving import listen, served
from zpack.simulate.technitium.app import Server
from zpack.simulate.technitium.records import Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from zpack.control.settings import Settings

CALL_MS = 400
Held = dict[str, str]
Served = tuple[Road, "Callable[[], Held]", dict[str, Any]]
TOKEN = "the-right-token-of-this-zone"
DOOR = "10.60.0.5"
STRANGER = f"www.{ZONE}"
OUTSIDE = "zpack.control.outside"


@dataclass(frozen=True)
class Rig:
    """One kind of link: ``leads`` is what its counterpart must hold of the server at an address."""

    link: str
    game: str
    serve: Callable[[Settings, Path], AbstractAsyncContextManager[Served]]
    leads: Callable[[str], Held]
    name: str = ""
    ports: dict[str, Any] = field(default_factory=dict[str, Any])
    """What the server's row says of its ports."""
    patience: tuple[str, ...] = ()
    """Constants that say how long the link waits for one answer."""

    @property
    def id(self) -> str:
        return self.name or self.link

    @property
    def is_door(self) -> bool:
        return self.link in DOORS


NAMES = {"minecraft": "mc-paper-5000", "rust": "rust-5000", "luanti": "luanti-5000"}


@asynccontextmanager
async def velocity(_settings: Settings, _folder: Path) -> AsyncIterator[Served]:
    proxy = GameProxy()
    proxy.servers["lobby"] = {"name": "lobby", "address": "10.9.9.9", "port": 1}

    def held() -> Held:
        ours = {name: one for name, one in proxy.servers.items() if name != "lobby"}
        return {name: f"{one['address']}:{one['port']}" for name, one in ours.items()}

    async with (
        serving(every_path(proxy.answer), "127.0.0.1") as port,
        faulty_road(f"http://127.0.0.1:{port}") as road,
    ):
        yield road, held, {"velocity_url": road.url, "velocity_timeout_ms": CALL_MS}
    assert "lobby" in proxy.servers, "a stranger's backend was touched"


@asynccontextmanager
async def opnsense(_settings: Settings, _folder: Path) -> AsyncIterator[Served]:
    async with (
        simulated_opnsense() as router,
        faulty_road(router.url.removesuffix("/api")) as road,
    ):
        theirs = _a_stranger_s(router)
        told = router.settings | {"opnsense_url": f"{road.url}/api", "opnsense_timeout_ms": CALL_MS}
        yield road, router.leads, told
        assert theirs in router.firewall.configured["d_nat"], "a stranger's forward was touched"


def _a_stranger_s(router: Router) -> str:
    rule = {"interface": "wan", "target": "10.9.9.9", "descr": "theirs, not zpack's"}
    return router.firewall.add("d_nat", {"rule": rule})["uuid"]


@asynccontextmanager
async def well_proxy() -> AsyncIterator[dict[str, Any]]:
    """Serve a game proxy that nothing is wrong with; return the settings that all rigs share."""
    async with serving(every_path(GameProxy().answer), "127.0.0.1") as port:
        yield {"velocity_url": f"http://127.0.0.1:{port}", "game_domain": ZONE, "velocity_edge_ip": DOOR}


@asynccontextmanager
async def cloudflare(_settings: Settings, _folder: Path) -> AsyncIterator[Served]:
    account = Account([ZONE], token=TOKEN)
    zone = account.zone(ZONE)
    zone.create({"type": "A", "name": STRANGER, "content": "198.51.100.7", "ttl": 60})

    def rows() -> Held:
        return {f"{one['name']} {one['type']}": one["content"] for one in zone.records.values()}

    async with served(account.app(), listen(ADDRESS, 0)) as base, faulty_road(base) as road:
        told = {"cloudflare_zone_id": zone.id, "cloudflare_token": TOKEN, "public_edge_ip": DOOR}
        yield road, lambda: _ours(rows()), told | {"cloudflare_api_base": road.url + BASE}
    assert f"{STRANGER} A" in rows(), "a stranger's record was touched"


@asynccontextmanager
async def technitium(_settings: Settings, _folder: Path) -> AsyncIterator[Served]:
    server = Server([ZONE], token=TOKEN)
    server.zones[ZONE].append(Record(STRANGER, "A", {"ipAddress": "198.51.100.7"}, ttl=60))

    def rows() -> Held:
        found = (one for one in server.zones[ZONE] if one.kind not in {"SOA", "NS"})
        return {f"{one.name} {one.kind}": " ".join(str(v) for v in one.data.values()) for one in found}

    async with served(server.app(), listen(ADDRESS, 0)) as base, faulty_road(base) as road:
        told = {"technitium_url": f"{road.url}/api", "technitium_token": TOKEN}
        yield road, lambda: _ours(rows()), told
    assert f"{STRANGER} A" in rows(), "a stranger's record was touched"


@asynccontextmanager
async def rfc2136(_settings: Settings, folder: Path) -> AsyncIterator[Served]:
    with running("knotd", folder) as server:
        server.change(lambda message: message.add(f"{STRANGER}.", 60, "A", "198.51.100.7"))

        def rows() -> Held:
            return {f"{name} {kind}": data.rstrip(".") for name, kind, data in server.records()}

        async with between(server.port) as middle:
            at = {"rfc2136_server": ADDRESS, "rfc2136_port": middle.port}
            key = {"rfc2136_key_name": KEY_NAME, "rfc2136_key_secret": server.secret}
            yield DnsRoad(middle), lambda: _ours(rows()), at | key
        assert f"{STRANGER} A" in rows(), "a stranger's record was touched"


def _ours(rows: Held) -> Held:
    return {name: data for name, data in rows.items() if not name.startswith(STRANGER)}


def records(_ip: str) -> Held:
    """Return the names of the server; they lead to the door, wherever the server is."""
    fqdn = f"{NAMES['minecraft']}.{ZONE}"
    return {f"{fqdn} A": DOOR, f"_minecraft._tcp.{fqdn} SRV": f"0 0 25565 {fqdn}"}


def registered(ip: str) -> Held:
    """Return the same with the register, where there are no comments."""
    fqdn = f"{NAMES['minecraft']}.{ZONE}"
    lines = ("zpack 5000", f"SRV _minecraft._tcp 0 0 25565 {fqdn}", f"A @ {DOOR}")
    return records(ip) | {f"_zpack.{fqdn} TXT": " ".join(f'"{line}"' for line in lines)}


def luanti(ip: str) -> Held:
    return {"udp/30000": f"{ip}:30000"}


RIGS = (
    Rig("velocity", "minecraft", velocity, lambda ip: {NAMES["minecraft"]: f"{ip}:25565"}),
    Rig("opnsense", "rust", opnsense, lambda ip: {"udp/28015": f"{ip}:28015"}),
    Rig("traefik", "luanti", traefik_s_provider, luanti, ports=LUANTI),
    Rig("cloudflare", "minecraft", cloudflare, records, patience=(f"{OUTSIDE}.cloudflare.SECONDS",)),
    Rig("technitium", "minecraft", technitium, records, patience=(f"{OUTSIDE}.technitium.LISTING_SECONDS",)),
    Rig("rfc2136", "minecraft", rfc2136, registered, patience=(f"{OUTSIDE}.rfc2136.SECONDS",)),
)
ANSWERS = Rig(
    "traefik", "luanti", traefik_s_answers, luanti,
    name="traefik-answers", ports=LUANTI, patience=(f"{OUTSIDE}.traefik.SECONDS",),
)  # fmt: skip
"""What Traefik says of itself. It decides nothing: a Traefik that says nothing is believed, and that is told."""
FILES = Rig("traefik", "luanti", traefik_s_files, luanti, name="traefik-files", ports=LUANTI)
