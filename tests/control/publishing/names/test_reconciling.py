"""The whole room with a DNS system behind it: publish, restart, delete, and what a crash leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.world import run
from tests.control.publishing.names.sides import TOKEN
from zpack.control.doctor import examine
from zpack.simulate.cloudflare.app import BASE, Account
from zpack.simulate.serving import listen, served
from zpack.simulate.technitium.app import Server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings

ZONE = "zpack.localhost"
EDGE_PORT = 25570
NAME = f"mc-flying-squid-5000.{ZONE}"


@pytest.fixture
async def account() -> AsyncGenerator[tuple[Account, str]]:
    account = Account([ZONE], token=TOKEN)
    async with served(account.app(), listen("127.0.0.1", 0)) as base:
        yield account, base + BASE


@pytest.fixture
async def server() -> AsyncGenerator[tuple[Server, str]]:
    server = Server([ZONE], token=TOKEN)
    async with served(server.app(), listen("127.0.0.1", 0)) as base:
        yield server, f"{base}/api"


@pytest.fixture
def extra(others: Counterparts, account: tuple[Account, str], server: tuple[Server, str]) -> dict[str, Any]:
    """Configure both systems."""
    return {
        **others.settings,
        "cloudflare_zone_id": account[0].zone(ZONE).id,
        "cloudflare_token": TOKEN,
        "cloudflare_api_base": account[1],
        "public_edge_ip": "203.0.113.5",
        "technitium_url": server[1],
        "technitium_token": TOKEN,
        "velocity_edge_ip": "10.60.0.5",
        "edge_public_port": EDGE_PORT,
    }


def addresses(account: Account) -> set[str]:
    return {row["content"] for row in account.zone(ZONE).records.values() if row["type"] == "A"}


async def test_a_server_comes_and_goes(
    world: World, account: tuple[Account, str], server: tuple[Server, str]
) -> None:
    state = await world.created(5000)
    names = (await world.row(5000)).payload["edge"]["dns"]
    assert all(f"{NAME} A" in str(names[system]["records"]) for system in ("cloudflare", "technitium"))
    assert addresses(account[0]) == {"203.0.113.5"}
    assert {(one.name, one.data["ipAddress"]) for one in server[0].zones[ZONE] if one.kind == "A"} == {
        (NAME, "10.60.0.5")
    }
    await run(world.delete, state)
    assert account[0].zone(ZONE).records == {}
    assert [one.kind for one in server[0].zones[ZONE]] == ["SOA", "NS"]


async def test_a_server_is_found_and_shown_at_the_port_of_the_edge(
    world: World, ann: Caller, account: tuple[Account, str], server: tuple[Server, str]
) -> None:
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await world.created(5000, owner=me)
    rows = account[0].zone(ZONE).records.values()
    assert [row["data"]["port"] for row in rows if row["type"] == "SRV"] == [EDGE_PORT]
    assert [one.data["port"] for one in server[0].zones[ZONE] if one.kind == "SRV"] == [EDGE_PORT]
    (shown,) = (await ann.get("/api/servers")).body["servers"]
    assert shown["address"] == f"{NAME}:{EDGE_PORT}"


async def test_records_of_a_server_that_is_no_more_go(world: World, account: tuple[Account, str]) -> None:
    zone = account[0].zone(ZONE)
    for name, comment in ((NAME, "zpack 5000"), (f"mc-paper-5001.{ZONE}", None), (f"www.{ZONE}", "zpack 80")):
        zone.create({"type": "A", "name": name, "content": "198.51.100.7", "ttl": 60, "comment": comment})
    await world.edge_reconcilers["cloudflare"].tick()
    assert {row["name"] for row in zone.records.values()} == {f"mc-paper-5001.{ZONE}", f"www.{ZONE}"}


async def test_what_somebody_changed_is_mended(world: World, account: tuple[Account, str]) -> None:
    await world.created(5000)
    for row in account[0].zone(ZONE).records.values():
        if row["type"] == "A":
            row["content"] = "198.51.100.7"
    await world.edge_reconcilers["cloudflare"].tick()
    assert addresses(account[0]) == {"203.0.113.5"}


async def test_the_doctor_says_it_in_one_line(
    settings: Settings, world: World, account: tuple[Account, str], server: tuple[Server, str]
) -> None:
    account[0].permissions = ["#dns_records:read"]
    server[0].calls.add("*", "unauthorized")
    found = await examine(settings, world.clients)
    assert found["cloudflare"] == f"ForeignError: the token may not write records of {ZONE}"
    assert found["technitium"] == "TechnitiumError: Technitium does not know the token"
