"""Confirmed e-mail addresses: from register on, and what they are needed for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.http import PASSWORD, Caller

if TYPE_CHECKING:
    from tests.control.recovery.conftest import Post
    from tests.support.smtp import MailServer

CREATE = {"container_type": "game", "game": "minecraft", "variant": "paper", "version": "1.21.4"}


async def verified(caller: Caller) -> bool:
    return (await caller.get("/api/auth/me")).body["user"]["emailVerified"]


async def test_register_mails_a_link_that_confirms_the_address(
    ann: Caller, anyone: Caller, post: Post
) -> None:
    assert not await verified(ann)
    token = await post.token("Confirm")
    assert (await anyone.post("/api/auth/verify-email", {"token": token})).status == 200
    assert await verified(ann)
    again = await anyone.post("/api/auth/verify-email", {"token": token})
    assert (again.status, again.body["error"]) == (400, "invalid_token")


async def test_a_register_that_fails_mails_nothing(ann: Caller, anyone: Caller, post: Post) -> None:
    body = {"email": "eve@example.org", "username": "ann", "password": PASSWORD}
    assert (await anyone.post("/api/auth/register", body)).status == 409
    assert [mail["To"] for mail in await post.all()] == ["ann@example.org"]


async def test_the_letter_repeats_no_word_a_stranger_chose(anyone: Caller, post: Post) -> None:
    """Whoever registers with another's address must not write to them through us."""
    chosen = {"username": "win.example.org", "displayName": "http://evil.example", "firstName": "Cheap"}
    await anyone.post("/api/auth/register", {"email": "v@example.org", "password": PASSWORD, **chosen})
    (mail,) = await post.all()
    assert not any(word in mail.as_string() for word in chosen.values())


async def test_a_link_that_confirms_nothing(ann: Caller, anyone: Caller, post: Post) -> None:
    token = await post.token("Confirm")
    for change, back in (
        ("mailed_tokens set expires_at = now()", "mailed_tokens set expires_at = now() + interval '1 h'"),
        ("mailed_tokens set purpose = 'reset'", "mailed_tokens set purpose = 'verify'"),
        ("users set email = 'other@example.org'", "users set email = 'ann@example.org'"),
    ):
        await post.change(f"update {change}")
        assert (await anyone.post("/api/auth/verify-email", {"token": token})).status == 400, change
        await post.change(f"update {back}")
    assert not await verified(ann)


async def test_a_link_that_confirms_is_no_way_to_a_password(ann: Caller, anyone: Caller, post: Post) -> None:
    body = {"token": await post.token("Confirm"), "password": "a new password"}
    assert (await anyone.post("/api/auth/reset-password", body)).status == 400


async def test_another_link_may_be_had_so_often(ann: Caller, anyone: Caller, post: Post) -> None:
    replies = [await ann.post("/api/auth/verify-email/resend") for _ in range(6)]
    assert [reply.status for reply in replies] == [200] * 5 + [429]
    assert len(await post.all("Confirm")) == 3
    assert (await anyone.post("/api/auth/verify-email/resend")).status == 401


async def test_who_is_confirmed_needs_no_other_link(ann: Caller, anyone: Caller, post: Post) -> None:
    await anyone.post("/api/auth/verify-email", {"token": await post.token("Confirm")})
    assert (await ann.post("/api/auth/verify-email/resend")).status == 200
    assert len(await post.all("Confirm")) == 1


class TestWhereItIsNeeded:
    @pytest.fixture
    def extra(self, box: MailServer) -> dict[str, Any]:
        return {"smtp_host": "127.0.0.1", "smtp_port": box.port, "require_verified_email": True}

    async def test_only_the_confirmed_may_create(self, ann: Caller, anyone: Caller, post: Post) -> None:
        reply = await ann.post("/api/instances", CREATE)
        assert (reply.status, reply.body["error"]) == (403, "email_not_verified")
        await anyone.post("/api/auth/verify-email", {"token": await post.token("Confirm")})
        assert (await ann.post("/api/instances", CREATE)).body["error"] != "email_not_verified"

    async def test_an_admin_may(self, root: Caller) -> None:
        assert (await root.post("/api/instances", CREATE)).body["error"] != "email_not_verified"
