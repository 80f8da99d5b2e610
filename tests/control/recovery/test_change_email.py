"""Another e-mail address: asked for with the password, confirmed from the new mailbox, told to the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.http import PASSWORD, Caller
from tests.support.smtp import link_in

if TYPE_CHECKING:
    from tests.control.recovery.conftest import Post

ASK, CONFIRM = "/api/auth/change-email", "/api/auth/change-email/confirm"
BODY = {"email": "ann@new.example.org", "currentPassword": PASSWORD}


async def email_of(caller: Caller) -> tuple[str, bool]:
    user = (await caller.get("/api/auth/me")).body["user"]
    return user["email"], user["emailVerified"]


async def test_the_new_mailbox_confirms_and_the_old_one_is_told(
    ann: Caller, anyone: Caller, post: Post
) -> None:
    assert (await ann.post(ASK, BODY)).status == 200
    token = await post.token("new e-mail")
    assert await email_of(ann) == ("ann@example.org", False)
    assert (await anyone.post(CONFIRM, {"token": token})).status == 200
    assert await email_of(ann) == ("ann@new.example.org", True)
    assert [mail["To"] for mail in await post.all("new e-mail")] == ["ann@new.example.org"]
    assert [mail["To"] for mail in await post.all("was changed")] == ["ann@example.org"]
    assert (await anyone.post(CONFIRM, {"token": token})).body["error"] == "invalid_token"


async def test_the_password_is_needed(ann: Caller, anyone: Caller, post: Post) -> None:
    reply = await ann.post(ASK, BODY | {"currentPassword": "wrong one"})
    assert (reply.status, reply.body["error"]) == (400, "invalid_current_password")
    assert (await ann.post(ASK, BODY | {"email": "no address"})).body["error"] == "invalid_field"
    assert (await anyone.post(ASK, BODY)).status == 401
    assert await post.all("new e-mail") == []


async def test_a_taken_address_is_told_only_to_its_mailbox(
    ann: Caller, bob: Caller, anyone: Caller, post: Post
) -> None:
    reply = await ann.post(ASK, BODY | {"email": "BOB@example.org"})
    assert reply.body == (await ann.post(ASK, BODY)).body
    (mail,) = [mail for mail in await post.all("new e-mail") if mail["To"] == "BOB@example.org"]
    refused = await anyone.post(CONFIRM, {"token": link_in(mail).partition("token=")[2]})
    assert (refused.status, refused.body["error"]) == (409, "email_taken")
    assert (await email_of(ann))[0] == "ann@example.org"


async def test_a_reset_takes_the_address_back_from_whoever_knew_the_password(
    ann: Caller, anyone: Caller, post: Post
) -> None:
    await ann.post(ASK, BODY | {"email": "thief@example.org"})
    stolen = await post.token("new e-mail")
    body = {"token": await post.reset_token(anyone), "password": "a new password"}
    assert (await anyone.post("/api/auth/reset-password", body)).status == 200
    assert (await anyone.post(CONFIRM, {"token": stolen})).body["error"] == "invalid_token"
