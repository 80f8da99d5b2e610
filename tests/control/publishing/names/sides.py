"""The three DNS links, each with its other end, seen and spoiled past the product."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.dns import ADDRESS, KEY_NAME, ZONE, DnsServer, Middle, between
from zpack.control.outside.cloudflare import Cloudflare
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.rfc2136 import Key, Rfc2136
from zpack.control.outside.technitium import Technitium
from zpack.control.publishing.cloudflare import CloudflareZone
from zpack.control.publishing.models import Endpoint, Place
from zpack.control.publishing.names import NamesLink
from zpack.control.publishing.records import Doors, Target
from zpack.control.publishing.rfc2136 import Rfc2136Zone
from zpack.control.publishing.technitium import TechnitiumZone
from zpack.simulate.cloudflare.app import BASE, Account
from zpack.simulate.serving import listen, served
from zpack.simulate.technitium.app import Server
from zpack.simulate.technitium.records import Record as TechnitiumRecord

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TOKEN = "the-right-token-of-this-zone"
GAME_PROXY = Target("192.0.2.10", "2001:db8::10")
OTHERS = Target("192.0.2.20")
DOORS = Doors(GAME_PROXY, OTHERS)
MOVED = Doors(Target("192.0.2.11", "2001:db8::11"), Target("192.0.2.21"), minecraft_port=25570)
HTTP_FAULTS = (
    "error",
    "error_after",
    "unauthorized",
    "forbidden",
    "rate_limit",
    "garbage",
    "lost",
    "cut",
    "duplicate",
    "half",
)
DNS_FAULTS = ("error", "garbage", "lost", "cut")
Row = tuple[str, str, str]


def place(vmid: int, game: str = "minecraft", *ports: int) -> Place:
    """Return a server's place."""
    services = {"minecraft": ("tcp", 25565), "valheim": ("udp", 2456), "terraria": ("tcp", 7777)}
    protocol, usual = services[game]
    host = f"mc-{vmid}"
    ends = tuple(Endpoint(game, protocol, port, port) for port in ports or (usual,))  # type: ignore[arg-type]
    return Place(vmid, host, f"{host}.{ZONE}", "10.0.0.1", "game", game, ends)


def expected(one: Place, doors: Doors = DOORS) -> set[Row]:
    """Return what must stand, written down by hand once more."""
    target = doors.minecraft if one.game == "minecraft" else doors.others
    found = {(one.fqdn, "A", str(target.v4))}
    if target.v6:
        found.add((one.fqdn, "AAAA", target.v6))
    end = one.endpoints[0]
    number = doors.minecraft_port if one.game == "minecraft" else end.number
    return found | {(f"_{end.name}._{end.protocol}.{one.fqdn}", "SRV", f"0 0 {number} {one.fqdn}")}


@dataclass
class Side:
    """A link and its other end."""

    zone: Any
    end: Any

    def link(self, doors: Doors = DOORS) -> NamesLink:
        return NamesLink(zone=self.zone, domain=ZONE, doors=doors)

    def below(self, one: Place) -> set[Row]:
        """Return what stands at and below a name, our register aside."""
        return {row for row in self.rows() if row[0] == one.fqdn or row[0].endswith(f".{one.fqdn}")}

    def rows(self) -> set[Row]: ...
    def plant(self, name: str, kind: str, data: str) -> None: ...
    def pluck(self, name: str, kind: str) -> None: ...
    def spoil(self, do: str) -> None: ...
    def mend(self) -> None: ...


class CloudflareSide(Side):
    def _zone(self) -> Any:
        return self.end.zone(ZONE)

    def rows(self) -> set[Row]:
        rows = self._zone().records.values()
        return {(one["name"], one["type"], one["content"]) for one in rows}

    def plant(self, name: str, kind: str, data: str) -> None:
        body = {"type": kind, "name": name, "ttl": 60}
        if kind == "SRV":
            words = data.split()
            body["data"] = dict(zip(("priority", "weight", "port", "target"), words, strict=True))
        else:
            body["content"] = data
        self._zone().create(body)

    def pluck(self, name: str, kind: str) -> None:
        records = self._zone().records
        for ident in [i for i, one in records.items() if (one["name"], one["type"]) == (name, kind)]:
            del records[ident]

    def spoil(self, do: str) -> None:
        method = "POST" if do in {"half", "duplicate"} else "*"
        self.end.calls.add(f"{method} {BASE}/zones/*", do, times=1000, seconds=1)

    def mend(self) -> None:
        self.end.calls.faults.clear()
        self.zone._client.pace._paused_until = 0.0


class TechnitiumSide(Side):
    def rows(self) -> set[Row]:
        rows = (one for one in self.end.zones[ZONE] if one.kind not in {"SOA", "NS"})
        return {(one.name, one.kind, " ".join(str(v) for v in one.data.values())) for one in rows}

    def plant(self, name: str, kind: str, data: str) -> None:
        words: dict[str, Any] = {"ipAddress": data}
        if kind == "SRV":
            priority, weight, port, target = data.split()
            words = {"priority": int(priority), "weight": int(weight), "port": int(port), "target": target}
        self.end.zones[ZONE].append(TechnitiumRecord(name, kind, words, ttl=60))

    def pluck(self, name: str, kind: str) -> None:
        rows = self.end.zones[ZONE]
        self.end.zones[ZONE] = [one for one in rows if (one.name, one.kind) != (name, kind)]

    def spoil(self, do: str) -> None:
        changing = do in {"lost", "cut", "duplicate", "error_after", "half"}
        self.end.calls.add(f"POST /api/zones/records/{'[ad]*' if changing else '*'}", do, times=1000)

    def mend(self) -> None:
        self.end.calls.faults.clear()


@dataclass
class DnsSide(Side):
    middle: Middle

    def rows(self) -> set[Row]:
        rows = self.end.records()
        return {(name, kind, data.rstrip(".")) for name, kind, data in rows if kind != "TXT"}

    def plant(self, name: str, kind: str, data: str) -> None:
        text = f"{data}." if kind == "SRV" else data
        self.end.change(lambda message: message.add(f"{name}.", 60, kind, text))

    def pluck(self, name: str, kind: str) -> None:
        self.end.change(lambda message: message.delete(f"{name}.", kind))

    def spoil(self, do: str) -> None:
        self.middle.do = do

    def mend(self) -> None:
        self.middle.do = ""


@asynccontextmanager
async def cloudflare(token: str = TOKEN) -> AsyncGenerator[CloudflareSide]:
    account = Account([ZONE], token=TOKEN)
    async with served(account.app(), listen(ADDRESS, 0)) as base:
        http = ForeignHttp(name="Cloudflare")
        client = Cloudflare(token=token, zone_id=account.zone(ZONE).id, http=http, base_url=base + BASE)
        side = CloudflareSide(CloudflareZone(client=client, zone=ZONE), account)
        try:
            yield side
        finally:
            await side.zone.close()


@asynccontextmanager
async def technitium(token: str = TOKEN, *, in_body: bool = False) -> AsyncGenerator[TechnitiumSide]:
    server = Server([ZONE], token=TOKEN)
    async with served(server.app(), listen(ADDRESS, 0)) as base:
        http = ForeignHttp(name="Technitium")
        client = Technitium(base_url=f"{base}/api", token=token, zone=ZONE, http=http, token_in_body=in_body)
        side = TechnitiumSide(TechnitiumZone(client=client, zone=ZONE), server)
        try:
            yield side
        finally:
            await side.zone.close()


@asynccontextmanager
async def rfc2136(server: DnsServer, secret: str = "") -> AsyncGenerator[DnsSide]:
    async with between(server.port) as middle:
        key = Key(KEY_NAME, secret or server.secret)
        client = Rfc2136(server=ADDRESS, port=middle.port, zone=ZONE, key=key)
        yield DnsSide(Rfc2136Zone(client=client, zone=ZONE), server, middle)
