"""Forgotten passwords through their doors (contract §2.2, §10.2)."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.http import PASSWORD, Caller
from tests.support.smtp import link_in
from zpack.control.wiring.recovery import build_proofs

if TYPE_CHECKING:
    from tests.control.recovery.conftest import Post
    from zpack.control.settings import Settings
    from zpack.control.wiring import Api

ASK, ALSO_ASK = "/api/auth/password-reset/request", "/api/auth/forgot-password"
CONFIRM, ALSO_CONFIRM = "/api/auth/password-reset/confirm", "/api/auth/reset-password"
NEW = "tr0ub4dor and three"


async def may_log_in(caller: Caller, password: str) -> bool:
    reply = await caller.post("/api/auth/login", {"identifier": "ann", "password": password})
    return reply.status == 200


@pytest.mark.parametrize("names", [(ASK, CONFIRM, "password"), (ALSO_ASK, ALSO_CONFIRM, "newPassword")])
@pytest.mark.seed("S76", "S78", "S79")
async def test_a_forgotten_password_is_set_anew(
    ann: Caller, anyone: Caller, post: Post, names: tuple[str, str, str]
) -> None:
    ask, confirm, field = names
    assert (await anyone.post(ask, {"email": "ANN@example.org"})).status == 200
    token = await post.token("Choose")
    reply = await anyone.post(confirm, {"token": token, field: NEW})
    assert (reply.status, reply.body["ok"]) == (200, True)
    assert await may_log_in(anyone, NEW)
    assert not await may_log_in(anyone, PASSWORD)


@pytest.mark.seed("S76")
async def test_only_the_hash_of_a_token_is_kept(ann: Caller, anyone: Caller, post: Post) -> None:
    token = await post.reset_token(anyone)
    rows = await post.rows("select * from mailed_tokens where purpose = 'reset'")
    assert token not in str(rows)
    assert hashlib.sha256(token.encode()).hexdigest() in str(rows)
    assert token not in str(await post.rows("select * from mail_outbox"))


@pytest.mark.seed("S83")
async def test_the_answer_says_nothing(ann: Caller, anyone: Caller) -> None:
    emails = ("ann@example.org", "nobody@example.org", "ANN@EXAMPLE.ORG", "no address")
    replies = [await anyone.post(path, {"email": email}) for path in (ASK, ALSO_ASK) for email in emails]
    assert {(reply.status, str(reply.body)) for reply in replies} == {(200, str(replies[0].body))}


@pytest.mark.seed("S83")
async def test_a_request_does_the_same_for_every_address(ann: Caller, anyone: Caller, post: Post) -> None:
    """Equal in time because equal in work: one row, and nobody has looked at the accounts yet."""
    for email in ("ann@example.org", "nobody@example.org"):
        await anyone.post(ASK, {"email": email})
    assert await post.rows("select email from reset_requests order by id") == [
        ("ann@example.org",), ("nobody@example.org",)
    ]  # fmt: skip
    assert await post.rows("select * from mailed_tokens where purpose = 'reset'") == []
    assert len(await post.all("Choose")) == 1
    assert await post.rows("select * from reset_requests") == []


@pytest.mark.seed("S82")
def test_where_a_link_leads(settings: Settings) -> None:
    for base, portal, expected in (
        ("https://reset.example/x/", "https://portal.example", "https://reset.example/x"),
        (None, "https://portal.example", "https://portal.example"),
        ("", "", "http://localhost:3000"),
        (None, None, "http://localhost:3000"),
    ):
        values = settings.model_dump() | {"reset_url_base": base, "portal_url": portal}
        links = build_proofs(type(settings)(**values))._links
        assert links.reset("t") == f"{expected}/reset-password?token=t"


@pytest.mark.seed("S82")
async def test_no_header_of_a_request_gets_into_the_link(ann: Caller, anyone: Caller, post: Post) -> None:
    names = ("Host", "X-Forwarded-Host", "X-Host", "X-Original-Host", "Origin", "Referer")
    headers = dict.fromkeys(names, "evil.example") | {"Forwarded": "host=evil.example"}
    await anyone.post(ASK, {"email": "ann@example.org"}, headers=headers)
    (mail,) = await post.all("Choose")
    assert "evil" not in mail.as_string()
    assert link_in(mail).startswith("https://portal.example/reset-password?token=")


async def test_the_link_goes_to_the_accounts_own_address(ann: Caller, anyone: Caller, post: Post) -> None:
    await anyone.post(ASK, {"email": "ANN@EXAMPLE.org"})
    (mail,) = await post.all("Choose")
    assert mail["To"] == "ann@example.org"


@pytest.mark.seed("S79")
async def test_a_token_that_is_not_ours(anyone: Caller) -> None:
    for bad in ("never made", "x" * 128, "\u00e9", "' or 1=1 --"):
        reply = await anyone.post(CONFIRM, {"token": bad, "password": NEW})
        assert (reply.status, reply.body["error"]) == (400, "invalid_token")


@pytest.mark.seed("S79")
async def test_a_token_that_was_ours(ann: Caller, anyone: Caller, post: Post) -> None:
    for change in (
        "update mailed_tokens set expires_at = now()",
        "update mailed_tokens set used_at = now()",
        "update mailed_tokens set purpose = 'verify'",
        "update users set email = 'other@example.org'",
    ):
        await post.change("delete from mailed_tokens")
        token = await post.reset_token(anyone)
        await post.change(change)
        reply = await anyone.post(CONFIRM, {"token": token, "password": NEW})
        assert (reply.status, reply.body["error"]) == (400, "invalid_token"), change
    assert await may_log_in(anyone, PASSWORD)


@pytest.mark.seed("S79", "S84")
async def test_a_bad_password_spends_no_token(ann: Caller, anyone: Caller, post: Post) -> None:
    token = await post.reset_token(anyone)
    bad = ("", "1234567", "x" * 257, "a\u0000bcdefgh", ["x"])
    replies = [await anyone.post(CONFIRM, {"token": token, "password": password}) for password in bad]
    assert {reply.status for reply in replies} == {400}
    assert (await anyone.post(CONFIRM, {"token": token, "password": NEW})).status == 200


@pytest.mark.seed("S84")
async def test_one_confirmation_burns_every_token(ann: Caller, anyone: Caller, post: Post) -> None:
    tokens = [await post.reset_token(anyone) for _ in range(3)]
    assert len(set(tokens)) == 3
    replies = [await anyone.post(CONFIRM, {"token": token, "password": NEW}) for token in reversed(tokens)]
    assert [reply.status for reply in replies] == [200, 400, 400]


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.seed("S84")
async def test_of_confirmations_at_once_one_counts(
    ann: Caller, anyone: Caller, post: Post, same: bool
) -> None:
    tokens = [await post.reset_token(anyone) for _ in range(2)]
    chosen = [tokens[0] if same else tokens[i % 2] for i in range(4)]
    replies = await asyncio.gather(
        *(anyone.post(CONFIRM, {"token": t, "password": f"password {i}"}) for i, t in enumerate(chosen))
    )
    assert sorted(reply.status for reply in replies) == [200, 400, 400, 400]
    (winner,) = [i for i, reply in enumerate(replies) if reply.status == 200]
    assert await may_log_in(anyone, f"password {winner}")


@pytest.mark.seed("S81")
async def test_a_change_of_password_burns_every_token(ann: Caller, anyone: Caller, post: Post) -> None:
    token = await post.reset_token(anyone)
    body = {"currentPassword": PASSWORD, "newPassword": NEW}
    assert (await ann.post("/api/auth/change-password", body)).status == 200
    reply = await anyone.post(CONFIRM, {"token": token, "password": "another one"})
    assert (reply.status, reply.body["error"]) == (400, "invalid_token")


async def test_a_reset_ends_every_login(anyone: Caller, post: Post) -> None:
    body = {"email": "ann@example.org", "username": "ann", "password": PASSWORD}
    made = (await anyone.post("/api/auth/register", body)).body
    token = await post.reset_token(anyone)
    await anyone.post(CONFIRM, {"token": token, "password": NEW})
    async with Caller(anyone.base, made["token"]) as before:
        assert (await before.get("/api/auth/me")).status == 401
    again = await anyone.post("/api/auth/refresh", {"refreshToken": made["refreshToken"]})
    assert again.status == 401


async def test_a_login_under_way_does_not_outlive_a_reset(
    ann: Caller, anyone: Caller, post: Post, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its password was good when it was compared, and is another one when its session would begin."""
    compared, over, verified = asyncio.Event(), asyncio.Event(), api.accounts.verified

    async def slow(password: str, hashed: str | None, *, line: str) -> tuple[bool, str | None]:
        answer = await verified(password, hashed, line=line)
        compared.set()
        await over.wait()
        return answer

    token = await post.reset_token(anyone)
    monkeypatch.setattr(api.accounts, "verified", slow)
    login = asyncio.create_task(may_log_in(anyone, PASSWORD))
    await compared.wait()
    assert (await anyone.post(CONFIRM, {"token": token, "password": NEW})).status == 200
    over.set()
    assert not await login


async def test_the_owner_is_told_and_the_address_is_proven(ann: Caller, anyone: Caller, post: Post) -> None:
    token = await post.reset_token(anyone)
    await anyone.post(CONFIRM, {"token": token, "password": NEW})
    (mail,) = await post.all("was changed")
    assert mail["To"] == "ann@example.org"
    assert NEW not in mail.as_string()
    assert await post.rows("select email_verified from users") == [(True,)]


async def test_whoever_floods_a_mailbox_fills_it_with_good_links(
    ann: Caller, anyone: Caller, base_url: str, post: Post
) -> None:
    """From many addresses no more than three mails come, and the owner is refused nothing."""
    for number in range(2, 6):
        elsewhere = aiohttp.TCPConnector(local_addr=(f"127.82.0.{number}", 0))
        async with aiohttp.ClientSession(connector=elsewhere) as attacker:
            for _ in range(3):
                reply = await attacker.post(f"{base_url}{ASK}", json={"email": "ann@example.org"})
                await reply.read()
    token = await post.reset_token(anyone)
    assert len(await post.all("Choose")) == 3
    assert (await anyone.post(CONFIRM, {"token": token, "password": NEW})).status == 200


async def test_links_that_grow_old_are_followed_by_new_ones(ann: Caller, anyone: Caller, post: Post) -> None:
    for _ in range(4):
        await post.reset_token(anyone)
    await post.change("update mailed_tokens set created_at = created_at - interval '31 minutes'")
    await post.reset_token(anyone)
    assert len(await post.all("Choose")) == 4


async def test_one_client_is_slowed_and_nobody_else(ann: Caller, anyone: Caller, base_url: str) -> None:
    replies = [await anyone.post(ASK, {"email": "ann@example.org"}) for _ in range(6)]
    assert [reply.status for reply in replies] == [200] * 5 + [429]
    assert (await anyone.post(ASK, {"email": "bob@example.org"})).status == 200
    elsewhere = aiohttp.TCPConnector(local_addr=("127.82.0.2", 0))
    async with aiohttp.ClientSession(connector=elsewhere) as other:
        reply = await other.post(f"{base_url}{ASK}", json={"email": "ann@example.org"})
        assert (await reply.json())["ok"] is True


async def test_a_limit_says_nothing_about_accounts(anyone: Caller) -> None:
    replies = [await anyone.post(ASK, {"email": "nobody@example.org"}) for _ in range(6)]
    assert [reply.status for reply in replies] == [200] * 5 + [429]


async def test_bodies_of_nonsense(anyone: Caller) -> None:
    bodies = ({}, {"email": ""}, {"email": 5}, {"email": "a\u0000@example.org"}, [], None)
    for path in (ASK, CONFIRM, "/api/auth/verify-email"):
        assert {(await anyone.post(path, body)).status for body in bodies} == {400}


async def test_old_tokens_are_forgotten(ann: Caller, anyone: Caller, post: Post) -> None:
    await post.reset_token(anyone)
    await post.change("update mailed_tokens set expires_at = now() - interval '8 days'")
    await post._requests.forget()
    assert await post.rows("select * from mailed_tokens") == []
