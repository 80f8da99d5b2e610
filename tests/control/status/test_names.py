"""The name that a person gives a server: what may be one, who may give it, and where it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.control.provisioning.test_provisioning_routes import WANTED
from tests.control.provisioning.world import request_for, run
from tests.control.status.test_servers import mine
from tests.data.hostile_texts import HOSTILE_TEXTS
from tests.support.sse import Listener
from zpack.control.instances.naming import BadName, checked_name

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller

SERVER = "/api/servers/5000"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HEART, FLAG = "\u2764\ufe0f\u200d\U0001f525", "\U0001f3f3\ufe0f\u200d\U0001f308"
JUDGE = "\U0001f9d1\U0001f3fd\u200d\u2696\ufe0f"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Friday night ", "Friday night"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u3000\u57f4\u3000", "\u57f4"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("\U0001f3f0" * 50, "\U0001f3f0" * 50),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        (FAMILY, FAMILY),
        (f"Home {HEART} of {JUDGE}{FLAG}", f"Home {HEART} of {JUDGE}{FLAG}"),
    ],
)
def test_a_name_is_kept_trimmed_and_composed(given: str, kept: str) -> None:
    assert checked_name(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "", "   ", "x" * 51, "e\u0301" * 51, " " * 10_000 + "x" * 10_000, "a\x00b", "a\nb", "\x1b[31mred",
        "\u202egnp.exe", "a\u2066b\u2069", "zero\u200bwidth", "a\u200db", "\ufeffa", "a\u2028b", "\u3164",
        f"{FAMILY}\u200d", f"\u200d{FAMILY}", f"{FAMILY}\u200da", "\U0001f468\u200d\u200d\U0001f469", "7\u200d7",
        "\u0628\u200d\u0628", "\U0001f468\u200d\U0001f3fd", "\U0001f468\u200d\U0001f1e6", "\U0001f468\u200d\U0001faff\U0001ffff",
        "\u2800\u2800", "\u0301\u0302", "\ue000", "\U000e0041",
    ],
)  # fmt: skip
def test_what_is_no_name(given: str) -> None:
    with pytest.raises(BadName):
        checked_name(given)


async def test_a_server_is_named_and_loses_its_name_again(world: World, ann: Caller) -> None:
    await mine(world, ann)
    assert (await ann.get(SERVER)).body["displayName"] is None
    reply = await ann.call("PATCH", SERVER, {"displayName": " Home "})
    assert (reply.status, reply.body["displayName"], reply.body["name"]) == (
        200,
        "Home",
        "mc-flying-squid-5000",
    )
    assert (await ann.get("/api/servers")).body["servers"][0]["displayName"] == "Home"
    assert (await ann.get("/api/instances/5000")).body["row"]["displayName"] == "Home"
    await ann.call("PATCH", SERVER, {"displayName": "Home"})
    assert (await ann.call("PATCH", SERVER, {"displayName": None})).body["displayName"] is None
    entries = (await ann.get(f"{SERVER}/activity")).body["entries"]
    told = [entry["detail"] for entry in entries if entry["action"] == "instance.rename"]
    assert [(detail.get("displayName"), detail.get("before")) for detail in told] == [
        (None, "Home"),
        ("Home", None),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"displayName": "a\u200bb"}, "invalid_display_name"),
        ({"displayName": ""}, "invalid_display_name"),
        ({"displayName": "a\x00b"}, "invalid_request"),
        ({"displayName": 5}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_a_refusal_names_the_field(world: World, ann: Caller, body: dict[str, Any], code: str) -> None:
    await mine(world, ann)
    reply = await ann.call("PATCH", SERVER, body)
    assert (reply.status, reply.body["error"]) == (400, code)
    told = reply.body["details"]
    assert "displayName" in str(told) or body.get("displayName") == "a\x00b"


async def test_strangers_texts_are_names_or_refused(world: World, ann: Caller) -> None:
    await mine(world, ann)
    for given in HOSTILE_TEXTS:
        reply = await ann.call("PATCH", SERVER, {"displayName": given})
        assert reply.status in {200, 400}, given
        if reply.status == 200:
            assert reply.body["displayName"] == given.strip()


async def test_only_its_owner_names_it_with_a_key_that_may_write(
    world: World, ann: Caller, bob: Caller, anyone: Caller
) -> None:
    await mine(world, ann)
    wanted = {"displayName": "Home"}
    assert (await bob.call("PATCH", SERVER, wanted)).status == 404
    for scope, status in (("servers:read", 403), ("servers:write", 200)):
        key = (await ann.post("/api/auth/keys", {"name": scope, "scopes": [scope]})).body["key"]
        headers = {"Authorization": f"Bearer {key}"}
        assert (await anyone.call("PATCH", SERVER, wanted, headers=headers)).status == status


async def test_another_browser_hears_of_it(world: World, ann: Caller, base_url: str) -> None:
    await mine(world, ann)
    assert ann.token
    async with Listener(base_url, ann.token) as stream:
        await stream.named("servers.snapshot")
        await ann.call("PATCH", SERVER, {"displayName": "Home"})
        assert (await stream.named("server.status"))["displayName"] == "Home"


async def test_a_name_given_at_birth_lasts_into_the_archive(world: World, ann: Caller) -> None:
    begun = (await ann.post("/api/instances", WANTED | {"displayName": "Home "})).body
    operation = (await ann.get(begun["statusUrl"])).body["operation"]
    assert (operation["displayName"], operation["hostname"]) == ("Home", "mc-flying-squid-5000")
    async with world.clients.database.reading() as session:
        state = (await session.execute(text("select input from operations"))).scalar_one()
    await run(world.create, state)
    found = (await ann.get(SERVER)).body
    assert found["displayName"] == "Home"
    assert found["limits"]["memory"] == WANTED["memoryMiB"]
    assert found["limits"]["cpu"] == 2
    assert found["limits"]["disk"] > 0
    await run(world.delete, request_for(5000, "op_delete"))
    async with world.clients.database.reading() as session:
        kept = await session.scalars(text("select display_name from deleted_instances"))
        assert list(kept) == ["Home"]


async def test_another_name_makes_it_another_request(others: object, ann: Caller) -> None:
    del others
    headers = {"Idempotency-Key": "click-1"}
    first = await ann.post("/api/instances", WANTED | {"displayName": "Home"}, headers=headers)
    again = await ann.post("/api/instances", WANTED | {"displayName": " Home"}, headers=headers)
    assert again.body["operationId"] == first.body["operationId"]
    other = await ann.post("/api/instances", WANTED, headers=headers)
    assert (other.status, other.body["error"]) == (409, "idempotency_key_reused")
