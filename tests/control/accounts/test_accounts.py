"""Accounts through their door (contract §2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import jwt
import pytest
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import select

from tests.support.http import PASSWORD, Caller
from zpack.control.accounts import store
from zpack.control.db.tables import AuditEntry

if TYPE_CHECKING:
    from zpack.control.db.session import Database
    from zpack.control.wiring import Api

NEW = {"email": "eve@example.org", "username": "eve", "password": PASSWORD}


async def test_register_answers_with_a_token(anyone: Caller) -> None:
    reply = await anyone.post("/api/auth/register", NEW)
    assert reply.status == 201
    assert reply.body["ok"] is True
    assert reply.body["token"].count(".") == 2


@pytest.mark.parametrize("field", ["email", "username", "password"])
async def test_register_needs_its_fields(anyone: Caller, field: str) -> None:
    reply = await anyone.post("/api/auth/register", {**NEW, field: ""})
    assert (reply.status, reply.body["error"]) == (400, "Missing required fields")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", "a@b\u0000.org"),
        ("username", "a b"),
        ("username", "x" * 200),
        ("password", "short"),
        ("password", "x" * 1000),
        ("firstName", "a\nb"),
        ("email", 5),
        ("email", ["x"]),
    ],
)
async def test_register_refuses_bad_fields(anyone: Caller, field: str, value: object) -> None:
    reply = await anyone.post("/api/auth/register", {**NEW, field: value})
    assert reply.status == 400
    assert reply.body["error"] in {"invalid_field", "invalid_request"}


@pytest.mark.parametrize("other", [{"username": "EVE2"}, {"email": "EVE3@example.org"}, {}])
async def test_a_taken_name_or_address_is_a_conflict(anyone: Caller, other: dict[str, str]) -> None:
    await anyone.post("/api/auth/register", NEW)
    again = {k: v.upper() if k != "password" else v for k, v in NEW.items()} | other
    reply = await anyone.post("/api/auth/register", again)
    assert (reply.status, reply.body["error"]) == (409, "User already exists")


@pytest.mark.parametrize("identifier", ["ann", "ANN", "ann@example.org", " Ann@Example.ORG "])
async def test_login_by_name_or_address(ann: Caller, anyone: Caller, identifier: str) -> None:
    reply = await anyone.post("/api/auth/login", {"identifier": identifier, "password": PASSWORD})
    assert reply.status == 200
    assert reply.body["expiresIn"] == 3600


@pytest.mark.parametrize("identifier", ["ann", "nobody", "a\u0001b"])
async def test_wrong_credentials_say_no_more(ann: Caller, anyone: Caller, identifier: str) -> None:
    reply = await anyone.post("/api/auth/login", {"identifier": identifier, "password": "wrong one"})
    assert (reply.status, reply.body["error"]) == (401, "Invalid credentials")


async def test_login_needs_both(anyone: Caller) -> None:
    reply = await anyone.post("/api/auth/login", {"identifier": "ann"})
    assert (reply.status, reply.body["error"]) == (400, "Missing credentials")


async def test_guessing_is_slowed_without_locking_the_victim_out(ann: Caller, anyone: Caller) -> None:
    bad = {"identifier": "ann", "password": "wrong one"}
    replies = [await anyone.post("/api/auth/login", bad) for _ in range(11)]
    assert [r.status for r in replies] == [401] * 10 + [429]
    assert int(replies[-1].headers["Retry-After"]) >= 1
    assert (await ann.get("/api/auth/me")).status == 200


async def test_one_address_cannot_lock_another_out(ann: Caller, anyone: Caller, base_url: str) -> None:
    good = {"identifier": "ann", "password": PASSWORD}
    elsewhere = aiohttp.TCPConnector(local_addr=("127.82.0.2", 0))
    async with aiohttp.ClientSession(connector=elsewhere) as attacker:
        for _ in range(12):
            async with attacker.post(
                f"{base_url}/api/auth/login", json={**good, "password": "wrong one"}
            ) as bad:
                assert bad.status in {401, 429}
    assert (await anyone.post("/api/auth/login", good)).status == 200


async def test_an_old_bcrypt_password_is_good_and_becomes_argon2id(
    ann: Caller, anyone: Caller, database: Database
) -> None:
    user_id = (await ann.get("/api/auth/me")).body["user"]["id"]
    async with database.transaction() as session:
        await store.update_user(session, user_id, password_hash=BcryptHasher(rounds=4).hash("an old one"))
    reply = await anyone.post("/api/auth/login", {"identifier": "ann", "password": "an old one"})
    async with database.transaction() as session:
        row = await store.find_by_id(session, user_id)
    assert reply.status == 200
    assert row is not None
    assert row.password_hash.startswith("$argon2id$")
    again = await anyone.post("/api/auth/login", {"identifier": "ann", "password": "an old one"})
    assert again.status == 200


async def test_every_mutation_leaves_an_audit_row(ann: Caller, anyone: Caller, database: Database) -> None:
    await anyone.post("/api/auth/login", {"identifier": "ann", "password": PASSWORD})
    await ann.call("PATCH", "/api/auth/me", {"firstName": "Ann"})
    async with database.transaction() as session:
        rows = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [row.action for row in rows] == ["user.register", "user.login", "user.profile"]
    assert PASSWORD not in str([row.payload for row in rows])


async def test_the_admin_is_made_once(api: Api, root: Caller) -> None:
    assert (await root.get("/api/auth/me")).body["user"]["role"] == "admin"
    assert await api.accounts.ensure_admin(email="other@localhost", password="another one") is False


async def test_a_customer_called_admin_keeps_no_admin_from_being_made(api: Api, anyone: Caller) -> None:
    async with await anyone.registered("admin"):
        assert await api.accounts.ensure_admin(email="admin@localhost", password="an admin password")
    async with await anyone.logged_in("admin@localhost", "an admin password") as made:
        assert (await made.get("/api/auth/me")).body["user"]["role"] == "admin"


async def test_me_is_the_contracts_user(ann: Caller) -> None:
    user = (await ann.get("/api/auth/me")).body["user"]
    assert {"id", "email", "username", "displayName", "firstName", "lastName"} <= set(user)
    assert user["username"] == "ann"


async def test_patch_changes_only_what_is_given(ann: Caller) -> None:
    await ann.call("PATCH", "/api/auth/me", {"firstName": "Ann", "lastName": "Lee"})
    reply = await ann.call("PATCH", "/api/auth/me", {"lastName": None})
    assert (reply.body["user"]["firstName"], reply.body["user"]["lastName"]) == ("Ann", None)


async def test_no_token_and_a_bad_token(base_url: str, anyone: Caller) -> None:
    assert (await anyone.get("/api/auth/me")).body["error"] == "Missing authorization token"
    async with Caller(base_url, "x.y.z") as stranger:
        reply = await stranger.get("/api/auth/me")
    assert (reply.status, reply.body["error"]) == (401, "Invalid or expired token")


@pytest.mark.parametrize(
    ("key", "change", "algorithm"),
    [
        ("another secret, also long enough for HS256", {}, "HS256"),
        ("an access secret for tests, long enough", {"aud": "zpack:ide"}, "HS256"),
        ("an access secret for tests, long enough", {"iss": "someone"}, "HS256"),
        ("an access secret for tests, long enough", {"exp": 1}, "HS256"),
        ("an access secret for tests, long enough" * 3, {}, "HS512"),
        ("", {}, "none"),
    ],
)
@pytest.mark.seed("S90")
async def test_forged_tokens_are_refused(
    ann: Caller, base_url: str, key: str, change: dict[str, object], algorithm: str
) -> None:
    claims = jwt.decode(ann.token or "", options={"verify_signature": False}) | change
    async with Caller(base_url, jwt.encode(claims, key or None, algorithm=algorithm)) as forger:
        assert (await forger.get("/api/auth/me")).status == 401
