"""API keys: within their scopes, for their time, as long as their owner is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.support.http import Caller
from tests.support.sse import Listener
from zpack.control.apikeys import actions

if TYPE_CHECKING:
    from tests.support.http import Reply
    from zpack.control.db.session import Database

KEYS = "/api/auth/keys"


async def made(owner: Caller, *scopes: str, **more: Any) -> dict[str, Any]:
    reply = await owner.post(KEYS, {"name": "a robot", "scopes": scopes or ["*"], **more})
    assert reply.status == 201, reply
    return reply.body


async def using(owner: Caller, key: str, path: str, method: str = "GET") -> Reply:
    async with Caller(owner.base, key) as caller:
        return await caller.call(method, path)


async def run(database: Database, statement: str) -> list[Any]:
    async with database.transaction() as session:
        found = await session.execute(text(statement))
        return list(found.scalars()) if found.returns_rows else []  # type: ignore[attr-defined]


async def test_a_key_is_shown_once_and_kept_hashed(ann: Caller, database: Database) -> None:
    key = await made(ann, "servers:read")
    assert key["key"].startswith("zpk_")
    assert key["prefix"] == key["key"][:12]
    (listed,) = (await ann.get(KEYS)).body["keys"]
    assert listed == {name: value for name, value in key.items() if name != "key"}
    (row,) = await run(database, "select row_to_json(k)::text from api_keys k")
    assert key["key"] not in row


OPEN = {
    "servers:read": ("GET", "/api/servers"),
    "servers:write": ("POST", "/api/operations/op_x/cancel"),
    "account": ("GET", "/api/auth/me"),
    "console": ("GET", "/api/servers/5000/console/log"),
    "files": ("GET", "/api/game/servers/5000/files/list"),
    "backups": ("GET", "/api/game/servers/5000/backups"),
    "mods": ("GET", "/api/game/servers/5000/mods"),
}


@pytest.mark.parametrize("scope", [*OPEN, "*"])
async def test_a_key_opens_what_its_scope_says(ann: Caller, scope: str) -> None:
    key = (await made(ann, scope))["key"]
    for each, (method, path) in OPEN.items():
        reply = await using(ann, key, path, method)
        refused = (reply.status, (reply.body or {}).get("error")) == (403, "insufficient_scope")
        assert refused == (scope not in {each, "*"}), (each, reply)


async def test_a_refusal_names_the_scope(ann: Caller) -> None:
    reply = await using(ann, (await made(ann, "account"))["key"], "/api/servers")
    assert reply.body["details"] == {"scopes": ["servers:read"]}


@pytest.mark.parametrize("path", [KEYS, "/api/auth/sessions", "/api/auth/second-factor", "/api/audit"])
async def test_no_key_reaches_what_is_for_full_logins(ann: Caller, path: str) -> None:
    reply = await using(ann, (await made(ann, "*"))["key"], path)
    assert (reply.status, reply.body["error"]) == (403, "insufficient_scope")


async def test_no_key_makes_another(ann: Caller) -> None:
    async with Caller(ann.base, (await made(ann, "*"))["key"]) as robot:
        assert (await robot.post(KEYS, {"name": "x", "scopes": ["*"]})).status == 403


async def test_a_key_of_an_admin_is_no_administrator(root: Caller) -> None:
    assert (await using(root, (await made(root, "*"))["key"], "/api/admin/users")).status == 403


async def test_a_deleted_key_stops_at_once(ann: Caller) -> None:
    key = await made(ann)
    assert (await ann.call("DELETE", f"{KEYS}/{key['id']}")).status == 200
    assert (await using(ann, key["key"], "/api/servers")).status == 401
    assert (await ann.call("DELETE", f"{KEYS}/{key['id']}")).status == 404


async def test_nobody_deletes_or_sees_another_ones_key(ann: Caller, bob: Caller) -> None:
    key = await made(ann)
    assert (await bob.call("DELETE", f"{KEYS}/{key['id']}")).status == 404
    assert (await bob.get(KEYS)).body == {"keys": []}
    assert (await using(ann, key["key"], "/api/servers")).status == 200


async def test_a_key_ends_when_it_says(ann: Caller, database: Database) -> None:
    key = await made(ann, expiresAt=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    assert (await using(ann, key["key"], "/api/servers")).status == 200
    await run(database, "update api_keys set expires_at = now()")
    assert (await using(ann, key["key"], "/api/servers")).status == 401


async def test_a_key_ends_with_its_owner(ann: Caller, database: Database) -> None:
    key = await made(ann)
    await run(database, "delete from users where username = 'ann'")
    assert (await using(ann, key["key"], "/api/servers")).status == 401


async def test_a_stream_opened_with_a_key_ends_with_it(ann: Caller) -> None:
    key = await made(ann, "servers:read")
    async with Listener(ann.base, key["key"]) as stream:
        await stream.named("servers.snapshot")
        await ann.call("DELETE", f"{KEYS}/{key['id']}")
        assert await stream.named("end") == {"reason": "access_revoked"}


async def test_use_is_noted_once_a_minute(ann: Caller, database: Database) -> None:
    key = await made(ann)
    await using(ann, key["key"], "/api/servers")
    (first,) = await run(database, "select last_used_at from api_keys")
    await using(ann, key["key"], "/api/servers")
    assert await run(database, "select last_used_at from api_keys") == [first]
    await run(database, "update api_keys set last_used_at = last_used_at - interval '2 minutes'")
    await using(ann, key["key"], "/api/servers")
    assert (await run(database, "select last_used_at from api_keys"))[0] >= first


async def test_of_many_made_at_once_no_more_than_allowed_are(
    ann: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "KEYS_PER_USER", 3)
    body = {"name": "a robot", "scopes": ["files"]}
    replies = await asyncio.gather(*(ann.post(KEYS, body) for _ in range(6)))
    assert sorted(reply.status for reply in replies) == [201] * 3 + [409] * 3


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": "x" * 61}, {"name": "a\nb"}, {"scopes": []}, {"scopes": ["root"]},
        {"scopes": "files"}, {"expiresAt": "2001-01-01T00:00:00Z"}, {"expiresAt": "2001-01-01T00:00:00"},
        {"expiresAt": "soon"}, {"expiresAt": 1e300},
    ],
)  # fmt: skip
async def test_bad_keys_are_refused(ann: Caller, change: dict[str, Any]) -> None:
    reply = await ann.post(KEYS, {"name": "a robot", "scopes": ["files"], **change})
    assert reply.status == 400, reply


@pytest.mark.parametrize("key", ["zpk_", "zpk_" + "x" * 43, "zpk_" + "x" * 4000, "zpk_'; drop table users"])
async def test_unknown_keys_are_refused(ann: Caller, key: str) -> None:
    reply = await using(ann, key, "/api/auth/me")
    assert (reply.status, reply.body["error"]) == (401, "Invalid or expired token")


async def test_the_audit_knows_which_key_it_was(ann: Caller, database: Database) -> None:
    key = await made(ann, "console")
    actions_of = "select api_key from audit_log where action in ('key.create', 'key.delete') order by id"
    await ann.call("DELETE", f"{KEYS}/{key['id']}")
    assert await run(database, actions_of) == [None, None]
    assert await run(database, "select payload->>'key' from audit_log where action = 'key.create'") == [
        key["id"]
    ]
