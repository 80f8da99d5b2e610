"""Login sessions: what grows from a login, and that all of it ends together."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.support.http import PASSWORD, Caller
from tests.support.slowness import slowness
from tests.support.sse import Listener
from tests.support.tokens import parts_of
from zpack.control.accounts import sessions as login_sessions
from zpack.control.accounts import store
from zpack.control.accounts.reconciler import EndedSessions
from zpack.control.accounts.sessions import end_all

if TYPE_CHECKING:
    from tests.support.http import Reply
    from zpack.control.db.session import Database

LOGIN = {"identifier": "ann", "password": PASSWORD}


@pytest.fixture
def proxies() -> str:
    """A proxy stands before the application, as in production."""
    return "127.0.0.1"


@pytest.fixture
async def tokens(ann: Caller, anyone: Caller) -> dict[str, Any]:
    """A second login of Ann's."""
    assert ann
    return (await anyone.post("/api/auth/login", LOGIN)).body


async def refreshed(anyone: Caller, token: str) -> Reply:
    return await anyone.post("/api/auth/refresh", {"refreshToken": token})


async def is_good(anyone: Caller, token: str) -> bool:
    reply = await anyone.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert reply.status in {200, 401}
    return reply.status == 200


async def run(database: Database, statement: str) -> list[Any]:
    async with database.transaction() as session:
        found = await session.execute(text(statement))
        return list(found.scalars()) if found.returns_rows else []  # type: ignore[attr-defined]


async def aged(database: Database, seconds: int) -> None:
    await run(database, f"update login_sessions set last_used_at = last_used_at - interval '{seconds} s'")


# --- refresh ---------------------------------------------------------------------------------------


@pytest.mark.seed("S75")
async def test_a_refresh_token_gives_a_new_pair(anyone: Caller, tokens: dict[str, Any]) -> None:
    reply = await refreshed(anyone, tokens["refreshToken"])
    assert (reply.status, set(reply.body)) == (200, {"token", "refreshToken", "expiresIn"})
    assert reply.body["refreshToken"] != tokens["refreshToken"]
    assert await is_good(anyone, reply.body["token"])
    assert (await refreshed(anyone, reply.body["refreshToken"])).status == 200


async def test_a_token_shown_twice_ends_the_whole_session(
    anyone: Caller, tokens: dict[str, Any], database: Database
) -> None:
    newer = (await refreshed(anyone, tokens["refreshToken"])).body
    await aged(database, 11)
    assert (await refreshed(anyone, tokens["refreshToken"])).status == 401
    assert (await refreshed(anyone, newer["refreshToken"])).status == 401
    assert not await is_good(anyone, newer["token"])
    assert await run(database, "select count(*) from audit_log where action = 'session.reuse'") == [1]


async def test_reuse_ends_no_other_session(
    ann: Caller, anyone: Caller, tokens: dict[str, Any], database: Database
) -> None:
    await refreshed(anyone, tokens["refreshToken"])
    await aged(database, 11)
    await refreshed(anyone, tokens["refreshToken"])
    assert (await ann.get("/api/auth/me")).status == 200


async def test_an_answer_that_was_lost_may_be_asked_for_again(anyone: Caller, tokens: dict[str, Any]) -> None:
    """Two tabs, or a connection that broke: within the grace both get a pair that works."""
    pairs = await asyncio.gather(*(refreshed(anyone, tokens["refreshToken"]) for _ in range(4)))
    assert [pair.status for pair in pairs] == [200] * 4
    assert all([await is_good(anyone, pair.body["token"]) for pair in pairs])


async def test_the_grace_is_for_the_last_token_only(anyone: Caller, tokens: dict[str, Any]) -> None:
    second = (await refreshed(anyone, tokens["refreshToken"])).body
    await refreshed(anyone, second["refreshToken"])
    assert (await refreshed(anyone, tokens["refreshToken"])).status == 401


async def test_a_copy_used_in_the_grace_is_found_out_at_the_next_turn(
    anyone: Caller, tokens: dict[str, Any], database: Database
) -> None:
    owner = (await refreshed(anyone, tokens["refreshToken"])).body
    thief = (await refreshed(anyone, tokens["refreshToken"])).body
    assert (await refreshed(anyone, owner["refreshToken"])).status == 200
    await aged(database, 11)
    assert (await refreshed(anyone, thief["refreshToken"])).status == 401


@pytest.mark.seed("S75")
async def test_no_token_can_be_read_from_the_database(
    tokens: dict[str, Any], database: Database, ann: Caller
) -> None:
    assert ann
    kept = await run(database, "select row_to_json(t)::text from refresh_tokens t")
    unique = parts_of(tokens["refreshToken"])[1]["jti"]
    assert len(kept) == 2
    assert not any(unique in row or tokens["refreshToken"] in row for row in kept)


async def test_a_session_keeps_two_generations_of_hashes(
    anyone: Caller, tokens: dict[str, Any], database: Database, ann: Caller
) -> None:
    assert ann
    for _ in range(5):
        tokens = (await refreshed(anyone, tokens["refreshToken"])).body
    sid = parts_of(tokens["token"])[1]["sid"]
    assert await run(database, f"select count(*) from refresh_tokens where session_id = '{sid}'") == [2]


@pytest.mark.parametrize(
    "body", [{}, {"refreshToken": ""}, {"refreshToken": "x.y.z"}, {"refreshToken": 5}, [], None]
)
async def test_what_is_no_refresh_token_is_refused(anyone: Caller, body: Any) -> None:
    assert (await anyone.post("/api/auth/refresh", body)).status in {400, 401}


async def test_an_expired_session_gives_nothing(
    anyone: Caller, tokens: dict[str, Any], database: Database
) -> None:
    await run(database, "update login_sessions set expires_at = now()")
    assert (await refreshed(anyone, tokens["refreshToken"])).status == 401
    assert not await is_good(anyone, tokens["token"])


async def test_the_session_of_an_account_that_is_gone_gives_nothing(
    anyone: Caller, tokens: dict[str, Any], database: Database
) -> None:
    await run(database, "delete from users")
    assert (await refreshed(anyone, tokens["refreshToken"])).status == 401


async def test_refreshing_is_rationed(anyone: Caller, tokens: dict[str, Any], database: Database) -> None:
    await run(database, "update login_sessions set revoked_at = now()")
    got = [(await refreshed(anyone, tokens["refreshToken"])).status for _ in range(61)]
    assert got == [401] * 60 + [429]


# --- logout ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", ["token", "refreshToken"])
async def test_logout_ends_the_session_of_either_token(
    ann: Caller, anyone: Caller, tokens: dict[str, Any], shown: str
) -> None:
    headers = {"Authorization": f"Bearer {tokens['token']}"} if shown == "token" else {}
    body = {"refreshToken": tokens["refreshToken"]} if shown == "refreshToken" else None
    reply = await anyone.post("/api/auth/logout", body, headers=headers)
    assert (reply.status, reply.body) == (200, {"ok": True, "message": "Logged out"})
    assert not await is_good(anyone, tokens["token"])
    assert (await refreshed(anyone, tokens["refreshToken"])).status == 401
    assert (await ann.get("/api/auth/me")).status == 200


@pytest.mark.parametrize("body", [None, {}, {"refreshToken": "nonsense"}, {"refreshToken": 5}])
async def test_logout_of_nobody_is_fine(anyone: Caller, body: Any) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    reply = await anyone.post("/api/auth/logout", body, headers=headers)
    assert (reply.status, reply.body) == (200, {"ok": True, "message": "Logged out"})


async def test_logout_of_all_ends_all_but_other_peoples(
    ann: Caller, bob: Caller, anyone: Caller, tokens: dict[str, Any]
) -> None:
    reply = await ann.post("/api/auth/logout-all")
    assert reply.body == {"ok": True, "ended": 2}
    assert not await is_good(anyone, tokens["token"])
    assert (await ann.get("/api/auth/me")).status == 401
    assert (await bob.get("/api/auth/me")).status == 200


async def test_another_room_may_end_all_but_one(ann: Caller, anyone: Caller, tokens: dict[str, Any], database: Database) -> None:  # fmt: skip
    claims = parts_of(str(ann.token))[1]
    async with database.transaction() as session:
        assert await end_all(session, claims["sub"], keep=claims["sid"]) == 1
    assert (await ann.get("/api/auth/me")).status == 200
    assert not await is_good(anyone, tokens["token"])


# --- the list --------------------------------------------------------------------------------------


async def test_the_list_says_where_from_and_which_is_this(ann: Caller, anyone: Caller) -> None:
    headers = {"User-Agent": "a browser of Ann's " + "x" * 500, "X-Forwarded-For": "192.0.2.7"}
    await anyone.post("/api/auth/login", LOGIN, headers=headers)
    newest, own = (await ann.get("/api/auth/sessions")).body["sessions"]
    assert (newest["address"], newest["current"], own["current"]) == ("192.0.2.7", False, True)
    assert newest["userAgent"].startswith("a browser of Ann's x")
    assert len(newest["userAgent"]) == 200


async def test_a_revoked_session_stops_at_once(ann: Caller, anyone: Caller, tokens: dict[str, Any]) -> None:
    sid = parts_of(tokens["token"])[1]["sid"]
    assert (await ann.call("DELETE", f"/api/auth/sessions/{sid}")).status == 200
    assert not await is_good(anyone, tokens["token"])
    again = await ann.call("DELETE", f"/api/auth/sessions/{sid}")
    assert (again.status, again.body["error"]) == (404, "session_not_found")


async def test_nobody_ends_another_ones_session(ann: Caller, bob: Caller) -> None:
    sid = parts_of(str(ann.token))[1]["sid"]
    assert (await bob.call("DELETE", f"/api/auth/sessions/{sid}")).status == 404
    assert (await ann.get("/api/auth/me")).status == 200


async def test_an_open_stream_ends_within_a_second_of_its_session(
    ann: Caller, anyone: Caller, tokens: dict[str, Any]
) -> None:
    """CVE-2025-68954 of Wings: what is open must not outlive the right to it."""
    async with Listener(ann.base, tokens["token"]) as ended:
        await ended.named("servers.snapshot")
        began = time.monotonic()
        await anyone.post("/api/auth/logout", {"refreshToken": tokens["refreshToken"]})
        assert await ended.named("end") == {"reason": "access_revoked"}
        assert time.monotonic() - began < 1.0 * slowness()
        assert (await ann.get("/api/auth/me")).status == 200


# --- what is kept ----------------------------------------------------------------------------------


async def test_the_oldest_session_makes_room(
    ann: Caller, anyone: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_sessions, "SESSIONS_PER_USER", 2)
    await anyone.post("/api/auth/login", LOGIN)
    await anyone.post("/api/auth/login", LOGIN)
    assert (await ann.get("/api/auth/me")).status == 401
    assert await run(database, "select count(*) from login_sessions where revoked_at is null") == [2]


async def test_what_ended_long_ago_is_forgotten(
    ann: Caller, tokens: dict[str, Any], database: Database
) -> None:
    sid = parts_of(tokens["token"])[1]["sid"]
    await run(database, f"update login_sessions set revoked_at = now() - interval '31 d' where id = '{sid}'")
    await EndedSessions(database=database, alone=lambda: True).tick()
    assert await run(database, "select count(*) from login_sessions") == [1]
    assert await run(database, f"select count(*) from refresh_tokens where session_id = '{sid}'") == [0]
    assert (await ann.get("/api/auth/me")).status == 200


async def test_only_one_worker_forgets(ann: Caller, database: Database) -> None:
    assert ann
    await run(database, "update login_sessions set revoked_at = now() - interval '31 d'")
    await EndedSessions(database=database, alone=lambda: False).tick()
    assert await run(database, "select count(*) from login_sessions") == [1]


async def test_forgetting_goes_on_until_nothing_is_left(ann: Caller, database: Database) -> None:
    assert ann
    await run(
        database,
        "insert into login_sessions (id, user_id, address, user_agent, expires_at)"
        " select 's' || n, (select id from users), '', '', now() - interval '40 d' from generate_series(1, 5) n",
    )
    async with database.transaction() as session:
        assert await store.forget_sessions(session, most=3) == 3
        assert await store.forget_sessions(session, most=3) == 2
