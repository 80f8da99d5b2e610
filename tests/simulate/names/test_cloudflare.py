"""The simulated Cloudflare, judged by its own SDK, octoDNS, Lexicon, and what was recorded of the real one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import cloudflare as official
import pytest
from cloudflare.types.dns import record_create_params
from lexicon._private.providers.cloudflare import Provider as Lexicon
from lexicon.config import ConfigResolver
from octodns.record import Record
from octodns.zone import Zone
from octodns_cloudflare import CloudflareProvider
from pydantic import TypeAdapter

from tests.simulate.names.conftest import TOKEN, ZONE
from zpack.control.publishing.cloudflare import _body
from zpack.control.publishing.records import Record as Ours
from zpack.simulate.cloudflare.app import BASE, Account
from zpack.simulate.serving import listen, served

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

RECORDED = json.loads((Path(__file__).parent / "recorded" / "cloudflare.json").read_text())
SRV = {"priority": 0, "weight": 0, "port": 25565, "target": f"mc.{ZONE}"}


@pytest.fixture
async def sdk(cloudflare: str) -> AsyncGenerator[official.AsyncCloudflare]:
    async with official.AsyncCloudflare(api_token=TOKEN, base_url=cloudflare, max_retries=0) as client:
        yield client


@pytest.fixture
def zone_id(account: Account) -> str:
    return account.zone(ZONE).id


async def test_the_sdk_publishes_changes_and_removes(sdk: official.AsyncCloudflare, zone_id: str) -> None:
    records = sdk.dns.records
    a = {"type": "A", "name": f"mc.{ZONE}", "content": "203.0.113.5", "ttl": 60, "comment": "zpack 5000"}
    srv = {"type": "SRV", "name": f"_minecraft._tcp.mc.{ZONE}", "ttl": 60, "data": SRV}
    made = await records.batch(zone_id=zone_id, posts=[a, srv])  # type: ignore[list-item]
    assert made
    assert [row.type for row in made.posts or []] == ["A", "SRV"]
    found = [row async for row in records.list(zone_id=zone_id, name={"endswith": f"mc.{ZONE}"})]
    assert {(row.type, row.ttl, row.comment) for row in found} == {("A", 60, "zpack 5000"), ("SRV", 60, None)}
    first = next(row for row in found if row.type == "A")
    await records.edit(first.id, zone_id=zone_id, type="A", name=a["name"], content="203.0.113.6", ttl=60)
    seen = await records.get(first.id, zone_id=zone_id)
    assert seen
    assert seen.content == "203.0.113.6"
    await records.batch(zone_id=zone_id, deletes=[{"id": row.id} for row in found])
    assert [row async for row in records.list(zone_id=zone_id)] == []


async def test_the_sdk_finds_zones_and_verifies_its_token(sdk: official.AsyncCloudflare) -> None:
    assert [zone.name async for zone in sdk.zones.list(name=ZONE)] == [ZONE]
    verified = await sdk.user.tokens.verify()
    assert verified
    assert verified.status == "active"


async def test_a_batch_happens_in_whole_or_not_at_all(sdk: official.AsyncCloudflare, zone_id: str) -> None:
    good = {"type": "A", "name": f"a.{ZONE}", "content": "203.0.113.5", "ttl": 60}
    with pytest.raises(official.BadRequestError, match="81058"):
        await sdk.dns.records.batch(zone_id=zone_id, posts=[good, good])  # type: ignore[list-item]
    assert [row async for row in sdk.dns.records.list(zone_id=zone_id)] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "A", "name": "a", "content": "nowhere"}, "9005"),
        ({"type": "A", "name": "a", "content": "203.0.113.5", "ttl": 5}, "9021"),
        ({"type": "A", "name": "a", "content": "203.0.113.5", "ttl": "60"}, "9021"),
        ({"type": "SRV", "name": "_a._tcp", "ttl": 60, "data": {"port": 1}}, "9101"),
        ({"type": "NONSENSE", "name": "a", "content": "x"}, "9004"),
        ({"type": "SRV", "name": "_a._tcp", "ttl": 60, "data": SRV, "proxied": True}, "9004"),
    ],
)
async def test_what_is_refused(cloudflare: str, zone_id: str, body: dict[str, Any], code: str) -> None:
    assert code in await _post(f"{cloudflare}/zones/{zone_id}/dns_records", body)


async def test_faults_come_by_the_operators_door(sdk: official.AsyncCloudflare, cloudflare: str) -> None:
    door = cloudflare.removesuffix("/client/v4") + "/_simulate/faults"
    await _post(door, {"call": "GET */zones", "do": "rate_limit", "seconds": 7})
    with pytest.raises(official.RateLimitError) as failed:
        await sdk.zones.list()
    assert failed.value.response.headers["Retry-After"] == "7"
    assert "a fault does one of" in await _post(door, {"call": "*", "do": "burn"})


async def test_the_limit_is_kept() -> None:
    account = Account([ZONE], limit=2)
    async with served(account.app(), listen("127.0.0.1", 0)) as base:
        said = [await _post(f"{base}{BASE}/zones/{account.zone(ZONE).id}/dns_records", {}) for _ in range(3)]
    assert ["971" in one for one in said] == [False, False, True]


@pytest.mark.parametrize("token", ["", "another"])
async def test_only_its_token_is_let_in(cloudflare: str, token: str) -> None:
    assert "10000" in await _post(f"{cloudflare}/zones", {}, token)


async def test_octodns(cloudflare: str, account: Account) -> None:
    def run() -> int:
        provider = CloudflareProvider("cf", token=TOKEN, api_url=cloudflare, pagerules=False, min_ttl=60)
        wanted = Zone(f"{ZONE}.", [])
        wanted.add_record(Record.new(wanted, "mc", {"type": "A", "ttl": 60, "value": "203.0.113.5"}))
        srv = {"type": "SRV", "ttl": 60, "value": {**SRV, "target": f"mc.{ZONE}."}}
        wanted.add_record(Record.new(wanted, "_minecraft._tcp.mc", srv))
        provider.apply(provider.plan(wanted))
        fresh = CloudflareProvider("cf", token=TOKEN, api_url=cloudflare, pagerules=False, min_ttl=60)
        return 0 if fresh.plan(wanted) is None else 1

    assert await asyncio.to_thread(run) == 0
    assert {row["type"] for row in account.zone(ZONE).records.values()} == {"A", "SRV"}


async def test_lexicon(cloudflare: str, account: Account) -> None:
    def run() -> list[Any]:
        options = {
            "domain": ZONE,
            "provider_name": "cloudflare",
            "cloudflare": {"auth_token": TOKEN},
            "ttl": 60,
        }
        provider = Lexicon(ConfigResolver().with_dict(options))
        provider.api_endpoint = cloudflare
        provider.authenticate()
        assert provider.create_record("A", "mc", "203.0.113.5")
        assert provider.create_record("A", "mc", "203.0.113.5"), "a duplicate is no failure"
        assert provider.create_record("SRV", "_minecraft._tcp.mc", f"0 0 25565 mc.{ZONE}")
        (found,) = provider.list_records("A", "mc")
        assert provider.update_record(found["id"], "A", "mc", "203.0.113.6")
        assert provider.delete_record(rtype="SRV", name="_minecraft._tcp.mc")
        return provider.list_records()

    (left,) = await asyncio.to_thread(run)
    assert (left["name"], left["content"]) == (f"mc.{ZONE}", "203.0.113.6")


@pytest.mark.parametrize("row", RECORDED, ids=[f"{r['method']} {r['path']} {r['status']}" for r in RECORDED])
async def test_it_answers_as_recorded(cloudflare: str, zone_id: str, row: dict[str, Any]) -> None:
    """The keys and the kind of every value are those of the real one's answers."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        place = f"{cloudflare}/zones/{zone_id}/dns_records"
        txt = {"type": "TXT", "name": "t", "content": "challengetoken", "data": None, "ttl": 3600}
        async with session.post(place, json=txt) as answer:
            ident = (await answer.json())["result"]["id"]
        path = row["path"].replace("{zone}", zone_id).replace("{record}", ident)
        body = txt if row["status"] == 400 or row["method"] == "PUT" else {**txt, "name": "other"}
        async with session.request(row["method"], cloudflare + path, json=body) as answer:
            assert answer.status == row["status"]
            said = await answer.json()
    assert list(_differences(said, row["body"], "", partly=row["path"] == "/zones")) == []


@pytest.mark.parametrize("kind", ["A", "AAAA", "SRV"])
def test_what_we_send_is_what_the_sdk_types(kind: str) -> None:
    """A type of the SDK refuses a TTL or a port that is text."""
    data = {"A": "203.0.113.5", "AAAA": "2001:db8::5", "SRV": f"0 0 25565 mc.{ZONE}"}[kind]
    body = _body(Ours(f"mc.{ZONE}", kind, data), 5000) | {"zone_id": "z"}
    TypeAdapter(getattr(record_create_params, f"{kind}Record")).validate_python(body, strict=True)


def _differences(said: Any, real: Any, at: str, *, partly: bool) -> Any:
    """Yield where an answer's shape is another; of zones we tell only what clients read."""
    if isinstance(real, dict) and isinstance(said, dict):
        keys = [key for key in real if key in said] if partly and at.count("/") == 2 else list(real)
        if sorted(said) != sorted(keys):
            yield f"{at}: {sorted(set(said) ^ set(keys))}"
        for key in set(said) & set(real):
            if key not in {"settings", "meta"}:
                yield from _differences(said[key], real[key], f"{at}/{key}", partly=partly)
    elif isinstance(real, list) and isinstance(said, list):
        for one in said[:1] if real else ():
            yield from _differences(one, real[0], f"{at}/[]", partly=partly)
    elif type(said) is not type(real) and None not in {type(said) and said, real}:
        yield f"{at}: {said!r} is not like {real!r}"


async def _post(url: str, body: Any, token: str = TOKEN) -> str:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(url, json=body) as answer,
    ):
        return await answer.text()
