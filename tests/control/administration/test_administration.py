"""Roles and the audit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.support.http import PASSWORD, Caller
from tests.support.tokens import parts_of
from zpack.control.audit.store import record
from zpack.control.entitlements.store import hold
from zpack.control.instances.store import insert_instance

if TYPE_CHECKING:
    from zpack.control.db.session import Database

AUDIT, WHOLE, USERS = "/api/audit", "/api/admin/audit", "/api/admin/users"


@pytest.fixture
def proxies() -> str:
    """A proxy stands before the application, as in production."""
    return "127.0.0.1"


async def id_of(caller: Caller) -> str:
    return (await caller.get("/api/auth/me")).body["user"]["id"]


async def test_everybody_sees_the_own_part_and_an_admin_all(ann: Caller, bob: Caller, root: Caller) -> None:
    await bob.call("PATCH", "/api/auth/me", {"firstName": "Bob"})
    own = (await ann.get(AUDIT)).body["entries"]
    assert [entry["action"] for entry in own] == ["user.register"]
    assert {entry["actor"] for entry in own} == {await id_of(ann)}
    everything = (await root.get(AUDIT)).body["entries"]
    assert {await id_of(ann), await id_of(bob)} <= {entry["actor"] for entry in everything}


async def test_a_row_says_from_where_and_in_which_session(ann: Caller, anyone: Caller) -> None:
    headers = {"X-Forwarded-For": "192.0.2.9"}
    login = {"identifier": "ann", "password": PASSWORD}
    token = (await anyone.post("/api/auth/login", login, headers=headers)).body["token"]
    await ann.call("PATCH", "/api/auth/me", {"firstName": "Ann"})
    profile, entered, _ = (await ann.get(AUDIT)).body["entries"]
    assert (entered["address"], entered["session"]) == ("192.0.2.9", parts_of(token)[1]["sid"])
    assert (profile["session"], profile["apiKey"]) == (parts_of(str(ann.token))[1]["sid"], None)
    assert profile["details"] == {"fields": ["firstName"]}


async def test_nobody_filters_for_another(ann: Caller, bob: Caller) -> None:
    assert (await ann.get(f"{AUDIT}?actor={await id_of(bob)}")).body == {
        "entries": [],
        "logs": [],
        "next": None,
    }
    assert len((await ann.get(f"{AUDIT}?actor={await id_of(ann)}")).body["entries"]) == 1


@pytest.mark.parametrize(
    ("query", "count"),
    [("action=user.register", 2), ("action=nothing", 0), ("since=2001-01-01T00:00:00Z", 4),
     ("since=2999-01-01T00:00:00%2B00:00", 0)],
)  # fmt: skip
async def test_filters(ann: Caller, bob: Caller, root: Caller, query: str, count: int) -> None:
    assert ann is not bob
    assert len((await root.get(f"{AUDIT}?{query}")).body["entries"]) == count


async def test_pages_have_every_row_once(ann: Caller, root: Caller) -> None:
    for number in range(6):
        await ann.call("PATCH", "/api/auth/me", {"firstName": f"Ann {number}"})
    seen, query = [], "?limit=2"
    while query:
        page = (await root.get(AUDIT + query)).body
        seen += [entry["id"] for entry in page["entries"]]
        query = f"?limit=2&before={page['next']}" if page["next"] else ""
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 9


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "before=0", "before=99999999999999", "since=soon", "since=2001-01-01T00:00:00", "actor=" + "x" * 200]
)  # fmt: skip
async def test_bad_queries_are_refused(root: Caller, query: str) -> None:
    assert (await root.get(f"{AUDIT}?{query}")).status == 400


async def test_administration_is_for_admins(ann: Caller, anyone: Caller) -> None:
    assert (await ann.get(USERS)).status == 403
    assert (await ann.call("PATCH", f"{USERS}/{await id_of(ann)}", {"role": "admin"})).status == 403
    assert (await anyone.get(USERS)).status == 401
    assert (await anyone.get(AUDIT)).status == 401


async def test_an_admin_makes_another_and_unmakes_them(ann: Caller, root: Caller, database: Database) -> None:
    user = await id_of(ann)
    reply = await root.call("PATCH", f"{USERS}/{user}", {"role": "admin"})
    assert (reply.status, reply.body["user"]["role"]) == (200, "admin")
    assert (await ann.get(USERS)).status == 200
    assert (await ann.call("PATCH", f"{USERS}/{user}", {"role": "user"})).status == 200
    assert (await ann.get(USERS)).status == 403
    async with database.transaction() as session:
        rows = (await session.scalars(text("select payload from audit_log where action = 'user.role'"))).all()
    assert [(row["was"], row["role"]) for row in rows] == [("user", "admin"), ("admin", "user")]


async def test_the_last_admin_stays(root: Caller) -> None:
    reply = await root.call("PATCH", f"{USERS}/{await id_of(root)}", {"role": "user"})
    assert (reply.status, reply.body["error"]) == (409, "last_admin")


async def test_two_admins_who_unmake_each_other_leave_one(ann: Caller, root: Caller) -> None:
    hers, own = await id_of(ann), await id_of(root)
    await root.call("PATCH", f"{USERS}/{hers}", {"role": "admin"})
    replies = await asyncio.gather(
        root.call("PATCH", f"{USERS}/{hers}", {"role": "user"}),
        ann.call("PATCH", f"{USERS}/{own}", {"role": "user"}),
    )
    assert min(reply.status for reply in replies) == 200
    left = [u for u in (await admins(ann, root)) if u["role"] == "admin"]
    assert len(left) == 1


async def admins(*callers: Caller) -> list[dict[str, Any]]:
    replies = [await caller.get(USERS) for caller in callers]
    return next(reply.body["users"] for reply in replies if reply.status == 200)


@pytest.mark.parametrize(
    ("search", "names"), [("ANN", ["ann"]), ("example.org", ["ann", "bob"]), ("%", []), ("_", [])]
)
async def test_searching(ann: Caller, bob: Caller, root: Caller, search: str, names: list[str]) -> None:
    assert ann is not bob
    found = (await root.get(USERS, params={"search": search})).body["users"]
    assert sorted(user["username"] for user in found) == names


async def test_users_come_in_pages(ann: Caller, bob: Caller, root: Caller) -> None:
    assert ann is not bob
    first = (await root.get(f"{USERS}?limit=2")).body
    second = (await root.get(f"{USERS}?limit=2&after={first['next']}")).body
    assert len({user["id"] for user in first["users"] + second["users"]}) == 3
    assert second["next"] is None
    assert "passwordHash" not in first["users"][0]


@pytest.mark.parametrize("body", [{}, {"role": "root"}, {"role": None}, {"role": ["admin"]}])
async def test_bad_roles_are_refused(root: Caller, body: dict[str, Any]) -> None:
    assert (await root.call("PATCH", f"{USERS}/usr_x", body)).status == 400
    assert (await root.call("PATCH", f"{USERS}/usr_x", {"role": "user"})).status == 404


async def test_an_admin_reads_the_whole_audit_with_names(ann: Caller, root: Caller) -> None:
    logs = (await root.get(WHOLE)).body["logs"]
    entry = next(log for log in logs if log["action"] == "user.register")
    assert (entry["actor"], entry["actorName"], entry["detail"]) == (await id_of(ann), "ann", {})
    assert entry["at"] == entry["timestamp"] == entry["created_at"]
    assert (await ann.get(WHOLE)).status == 403


@pytest.mark.parametrize(
    ("query", "count"), [("vmid=5000", 1), ("vmid=500", 0), ("action=game.start&vmid=5000", 1)]
)
async def test_the_audit_of_one_server(root: Caller, database: Database, query: str, count: int) -> None:
    async with database.transaction() as session:
        record(session, "game.start", actor="usr_gone", vmid=5000)
    logs = (await root.get(f"{WHOLE}?{query}")).body["logs"]
    assert [log["actorName"] for log in logs] == [None] * count


async def test_the_list_of_accounts_says_how_each_stands(
    ann: Caller, root: Caller, database: Database
) -> None:
    async with database.transaction() as session:
        await hold(session, await id_of(ann), "spam")
        await insert_instance(
            session, vmid=5000, customer_id=await id_of(ann), ctype="game", hostname="mc-5000", ip=None,
            allocated_ports={}, agent_state="idle", payload={},
        )  # fmt: skip
    hers, own = [(await root.get(f"{USERS}?q={name}")).body["users"][0] for name in ("ann", "admin")]
    assert (hers["suspended"], hers["servers"], hers["secondFactor"]) == (True, 1, False)
    assert (own["suspended"], own["servers"], own["plan"]) == (False, 0, hers["plan"])


async def test_one_account_is_shown_with_why_it_is_held(
    ann: Caller, root: Caller, database: Database
) -> None:
    async with database.transaction() as session:
        await hold(session, await id_of(ann), "spam")
    hers = (await root.get(f"{USERS}/{await id_of(ann)}")).body["user"]
    assert (hers["username"], hers["held"]["reason"], hers["exempt"]) == ("ann", "spam", False)
    assert (await root.get(f"{USERS}/usr_no")).body["error"] == "user_not_found"


async def test_the_contracts_older_question_is_answered_too(ann: Caller) -> None:
    body = (await ann.get(AUDIT)).body
    assert [(log["id"], log["timestamp"]) for log in body["logs"]] == [
        (e["id"], e["at"]) for e in body["entries"]
    ]
    assert {tuple(sorted(log)) for log in body["logs"]} == {("action", "created_at", "id", "timestamp")}


async def test_the_platform_in_numbers(root: Caller, ann: Caller, bob: Caller, database: Database) -> None:
    async with database.transaction() as session:
        await hold(session, await id_of(bob), "spam")
    body = (await root.get("/api/admin/overview")).body
    assert (body["users"], body["administrators"], body["suspended"], body["servers"]) == (3, 1, 1, 0)
    assert (set(body["operations"].values()), body["billing"]) == ({0}, None)
