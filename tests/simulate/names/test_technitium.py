"""The simulated Technitium, judged by octoDNS's provider and by ``technitiumdns-api``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import technitiumdns
from octodns.record import Record
from octodns.zone import Zone
from octodns_technitiumdns import TechnitiumDnsProvider

from tests.simulate.names.conftest import TOKEN, ZONE

if TYPE_CHECKING:
    from zpack.simulate.technitium.app import Server

SRV = {"priority": "0", "weight": "0", "port": "25565", "target": f"mc.{ZONE}"}


async def test_octodns(technitium: str, server: Server) -> None:
    def plan(value: str) -> bool:
        """Apply what is wanted; say whether there was anything to do."""
        at = urlsplit(technitium)
        provider = TechnitiumDnsProvider("t", host=at.hostname, port=at.port, token=TOKEN)
        wanted = Zone(f"{ZONE}.", [])
        wanted.add_record(Record.new(wanted, "", {"type": "NS", "ttl": 3600, "value": "ns.simulated.test."}))
        wanted.add_record(Record.new(wanted, "mc", {"type": "A", "ttl": 60, "value": value}))
        srv = {"priority": 0, "weight": 0, "port": 25565, "target": f"mc.{ZONE}."}
        wanted.add_record(Record.new(wanted, "_minecraft._tcp.mc", {"type": "SRV", "ttl": 60, "value": srv}))
        found = provider.plan(wanted)
        if found is not None:
            provider.apply(found)
        return found is not None

    assert [await asyncio.to_thread(plan, value) for value in ("203.0.113.5", "203.0.113.6")] == [True, True]
    assert not await asyncio.to_thread(plan, "203.0.113.6")
    assert [one.data for one in server.zones[ZONE] if one.kind == "A"] == [{"ipAddress": "203.0.113.6"}]


@pytest.mark.parametrize("in_query", [True, False])
async def test_technitiumdns_api(technitium: str, in_query: bool) -> None:
    def run() -> tuple[list[Any], list[Any]]:
        with technitiumdns.Client(technitium, token=TOKEN, send_token_in_query=in_query) as client:
            zones = client.zones
            at = {"domain": f"mc.{ZONE}", "zone": ZONE, "ttl": 60, "comments": "zpack 5000"}
            zones.add_record(**at, type="A", extra={"ipAddress": "203.0.113.5"})
            zones.add_record(**at, type="A", overwrite=True, extra={"ipAddress": "203.0.113.6"})
            zones.add_record(**{**at, "domain": f"_minecraft._tcp.mc.{ZONE}"}, type="SRV", extra=SRV)
            found = zones.get_records(domain=ZONE, zone=ZONE, list_zone=True)
            zones.delete_record(domain=f"_minecraft._tcp.mc.{ZONE}", zone=ZONE, type="SRV", extra=SRV)
            with pytest.raises(technitiumdns.TechnitiumError, match="no such record exists"):
                zones.delete_record(
                    domain=f"mc.{ZONE}", zone=ZONE, type="A", extra={"ipAddress": "203.0.113.5"}
                )
            return found, zones.get_records(domain=f"mc.{ZONE}", zone=ZONE)

    found, left = await asyncio.to_thread(run)
    assert {one.type for one in found} == {"SOA", "NS", "A", "SRV"}
    assert [(one.type, one.comments) for one in left] == [("A", "zpack 5000")]


async def test_another_token_is_no_error_of_http(technitium: str) -> None:
    def run() -> None:
        with technitiumdns.Client(technitium, token="another") as client:
            client.zones.list()

    with pytest.raises(technitiumdns.InvalidTokenError):
        await asyncio.to_thread(run)


@pytest.mark.parametrize(
    ("call", "form", "said"),
    [
        ("add", {"type": "A", "ipAddress": "nowhere"}, "An invalid IP address was specified."),
        ("add", {"type": "SRV", "priority": "0"}, "Parameter 'weight' missing."),
        ("add", {"type": "A", "ipAddress": "203.0.113.5", "ttl": "soon"}, "not in a correct format"),
        ("add", {"type": "NONSENSE"}, "Requested value 'NONSENSE' was not found."),
        ("add", {"type": "A", "ipAddress": "203.0.113.5", "zone": "example.com"}, "No such zone was found"),
        ("delete", {"type": "A", "ipAddress": "203.0.113.5"}, "no such record exists"),
        ("update", {"type": "A", "ipAddress": "203.0.113.5"}, "the old record does not exists"),
    ],
)
async def test_what_is_refused(technitium: str, call: str, form: dict[str, str], said: str) -> None:
    body = await _call(technitium, call, {"domain": f"mc.{ZONE}", "zone": ZONE, **form})
    assert body["status"] == "error"
    assert said in body["errorMessage"]


async def test_the_same_twice_is_refused_unless_overwritten(technitium: str) -> None:
    form = {"domain": f"mc.{ZONE}", "type": "A", "ipAddress": "203.0.113.5"}
    said = [(await _call(technitium, "add", form))["status"] for _ in range(2)]
    assert said == ["ok", "error"]
    assert (await _call(technitium, "add", form | {"overwrite": "true"}))["status"] == "ok"


async def test_a_record_may_be_changed_or_expire(technitium: str, server: Server) -> None:
    form = {"domain": f"mc.{ZONE}", "type": "A", "ipAddress": "203.0.113.5", "expiryTtl": "60"}
    await _call(technitium, "add", form)
    await _call(technitium, "update", form | {"newIpAddress": "203.0.113.6", "ttl": "60"})
    server.zones[ZONE][-1].modified -= 61
    assert server.zones[ZONE][-1].data == {"ipAddress": "203.0.113.6"}
    found = await _call(technitium, "get", {"domain": f"mc.{ZONE}"})
    assert found["response"]["records"] == []


async def _call(base: str, call: str, form: dict[str, str]) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.post(f"{base}/api/zones/records/{call}", data=form) as answer,
    ):
        assert answer.status == 200
        return await answer.json()
