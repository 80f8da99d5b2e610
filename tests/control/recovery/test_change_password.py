"""A password that its owner changes (contract §2.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.http import PASSWORD, Caller

if TYPE_CHECKING:
    from tests.control.recovery.conftest import Post

PATH = "/api/auth/change-password"
BODY = {"currentPassword": PASSWORD, "newPassword": "a new password"}


@pytest.mark.seed("S80", "S81")
async def test_a_password_is_changed(ann: Caller, anyone: Caller, post: Post) -> None:
    reply = await ann.post(PATH, BODY)
    assert (reply.status, reply.body["ok"]) == (200, True)
    assert (await ann.get("/api/auth/me")).status == 200
    async with await anyone.logged_in("ann", "a new password"):
        assert len(await post.all("was changed")) == 1


async def test_a_change_ends_every_other_login(ann: Caller, anyone: Caller) -> None:
    async with await anyone.logged_in("ann", PASSWORD) as other:
        await ann.post(PATH, BODY)
        assert (await other.get("/api/auth/me")).status == 401
    assert (await ann.get("/api/auth/me")).status == 200


@pytest.mark.seed("S81")
async def test_the_current_password_is_needed(ann: Caller, anyone: Caller) -> None:
    """400 and no 401, which would log the portal out."""
    reply = await ann.post(PATH, BODY | {"currentPassword": "wrong one"})
    assert (reply.status, reply.body["error"]) == (400, "invalid_current_password")
    async with await anyone.logged_in("ann", PASSWORD):
        pass


@pytest.mark.seed("S81")
async def test_a_bad_new_password(ann: Caller) -> None:
    bad = ("", "1234567", "x" * 257, "a\u0000bcdefgh", 12345678)
    assert {(await ann.post(PATH, BODY | {"newPassword": new})).status for new in bad} == {400}


async def test_nobody_changes_it_without_a_login(anyone: Caller) -> None:
    assert (await anyone.post(PATH, BODY)).status == 401


async def test_of_two_changes_at_once_one_counts(ann: Caller, anyone: Caller) -> None:
    replies = await asyncio.gather(
        *(ann.post(PATH, BODY | {"newPassword": f"password {i}"}) for i in range(2))
    )
    assert sorted(reply.status for reply in replies) == [200, 400]
    (winner,) = [i for i, reply in enumerate(replies) if reply.status == 200]
    async with await anyone.logged_in("ann", f"password {winner}"):
        pass


async def test_guessing_is_slowed(ann: Caller) -> None:
    replies = [await ann.post(PATH, BODY | {"currentPassword": f"wrong {i}"}) for i in range(11)]
    assert [reply.status for reply in replies] == [400] * 10 + [429]


async def test_what_happened_is_in_the_audit_and_no_secret(ann: Caller, post: Post) -> None:
    await ann.post(PATH, BODY)
    rows = await post.rows("select action, payload::text from audit_log order by id")
    assert [row[0] for row in rows] == ["user.register", "user.password_change"]
    assert PASSWORD not in str(rows)
