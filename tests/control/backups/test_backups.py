"""Backups through the API: passed on as they are, refused in one envelope (contract §2.5, §9.1, §9.5)."""

from __future__ import annotations

import json
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from sqlalchemy import text

from tests.control.provisioning.counterparts import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.control.provisioning.world import World
    from tests.support.http import Caller

FAMILIES = ["/api/game/servers/5000/backups", "/api/servers/5000/backups"]
ID = "20261125T200000Z-0a1b2c3d"
BACKUP = {"id": ID, "createdAt": "2026-11-25T20:00:00.000Z", "sizeBytes": 7, "type": "manual", "new": [None]}
ROUTES = [
    ("GET", "", 200, {"backups": [BACKUP]}, "Failed to list backups"),
    ("GET", f"/{ID}", 200, {"backup": BACKUP}, "Failed to read backup"),
    ("POST", "", 201, {"backup": BACKUP}, "Failed to create backup"),
    ("POST", "", 202, {"operation": {"id": "op-1"}}, "Failed to create backup"),
    ("POST", f"/restore?id={ID}", 202, {"operation": {}, "restored": BACKUP}, "Failed to restore backup"),
    ("DELETE", f"/{ID}", 200, {"deleted": True, "id": ID}, "Failed to delete backup"),
]


class Agent:
    """What the agent of server 5000 answers next, and what it was asked."""

    def __init__(self) -> None:
        self.next: Callable[[], web.Response] = web.Response
        self.asked: list[tuple[str, str, Any]] = []

    def says(self, status: int, body: Any) -> None:
        self.next = lambda: web.json_response(body, status=status)

    async def answer(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read() or b"null")
        self.asked.append((request.method, request.path_qs, body))
        return self.next()


@pytest.fixture
async def hers(world: World, ann: Caller) -> World:
    await world.created(5000, owner=(await ann.get("/api/auth/me")).body["user"]["id"])
    return world


@pytest.fixture
def agent(hers: World, monkeypatch: pytest.MonkeyPatch) -> Agent:
    made = Agent()
    monkeypatch.setitem(ANSWERS, "backups", made.answer)
    hers.scripts.manner[5000] = "backups"
    return made


async def audited(world: World) -> list[tuple[str, Any]]:
    async with world.clients.database.transaction() as session:
        rows = await session.execute(
            text("select action, payload from audit_log where action like 'backup%'")
        )
        return [(action, payload) for action, payload in rows]


@pytest.mark.seed("S56", "S57", "S58", "S59", "S60", "S61", "S62", "S63", "S65")
async def test_a_success_passes_through(agent: Agent, ann: Caller) -> None:
    for family, (method, path, status, body, _) in product(FAMILIES, ROUTES):
        agent.says(status, body)
        reply = await ann.call(method, family + path)
        assert (reply.status, reply.body) == (status, body)


@pytest.mark.seed("S62", "S64")
async def test_a_refusal_keeps_status_and_details(agent: Agent, ann: Caller) -> None:
    told = {"error": "operation_in_progress", "message": "restore is in progress", "more": 1}
    for code, (method, path, _, _, fallback) in product([400, 404, 409, 413, 503, 507], ROUTES):
        agent.says(code, told)
        reply = await ann.call(method, FAMILIES[0] + path)
        assert (reply.status, reply.body["error"], reply.body["details"]) == (code, fallback, told)


async def test_what_reaches_the_agent(agent: Agent, ann: Caller, hers: World) -> None:
    agent.says(200, {})
    await ann.post(FAMILIES[0], {"label": "before the party"})
    await ann.post(FAMILIES[0])
    await ann.post(f"{FAMILIES[1]}/restore?id={ID}")
    await ann.call("DELETE", f"{FAMILIES[1]}/{ID}")
    assert agent.asked == [
        ("POST", "/game/backups", {"label": "before the party"}),
        ("POST", "/game/backups", {}),
        ("POST", f"/game/backups/restore?id={ID}", None),
        ("DELETE", f"/game/backups?id={ID}", None),
    ]
    assert hers.scripts.tokens[5000].startswith("Bearer ")
    assert await audited(hers) == [
        ("backup.create", {"vmid": 5000, "label": "before the party"}),
        ("backup.create", {"vmid": 5000}),
        ("backup.restore", {"vmid": 5000, "id": ID}),
        ("backup.delete", {"vmid": 5000, "id": ID}),
    ]


async def test_another_s_backups_are_not_there(
    agent: Agent, bob: Caller, anyone: Caller, hers: World
) -> None:
    for family, (method, path, *_) in product(FAMILIES, ROUTES):
        assert (await bob.call(method, family + path)).status == 404
        assert (await anyone.call(method, family + path)).status == 401
    assert (agent.asked, await audited(hers)) == ([], [])


async def test_a_dev_container_has_none(agent: Agent, ann: Caller, hers: World) -> None:
    async with hers.clients.database.transaction() as session:
        await session.execute(text("update instances set ctype = 'dev'"))
    for method, path, *_ in ROUTES:
        reply = await ann.call(method, FAMILIES[0] + path)
        assert (reply.status, reply.body["error"], agent.asked) == (400, "wrong_container_type", [])


BAD_IDS = ["..", "%2e%2e", "a%2fb", "..%2f..%2fstop", "a%0ab", "-x", "x" * 65, "%00", "ü", "a?b"]


async def test_no_id_becomes_another_path(agent: Agent, ann: Caller) -> None:
    agent.says(200, {})
    for bad in BAD_IDS:
        for method, path in (("GET", f"/{bad}"), ("DELETE", f"/{bad}"), ("POST", f"/restore?id={bad}")):
            reply = await ann.call(method, FAMILIES[0] + path)
            assert reply.status in {200, 400, 404, 405}, reply
    assert {path.partition("?")[0] for _, path, _ in agent.asked} <= {"/game/backups", "/game/backups/a"}


async def test_what_is_malformed_reaches_no_agent(agent: Agent, ann: Caller) -> None:
    calls = [("/restore" + query, None) for query in ("", "?id=", "?backup=x", "?id=../b", "?id=a&id=../b")]
    calls += [("", body) for body in ({"label": "x" * 101}, {"label": 5}, {"label": "\x00"}, [], "text")]
    for path, body in calls:
        reply = await ann.post(FAMILIES[0] + path, body)
        assert (reply.status, reply.body["error"], agent.asked) == (400, "invalid_request", [])


HOSTILE = {
    "garbage": lambda: web.Response(body=b"\xff\x00{" * 50, content_type="application/json"),
    "empty": lambda: web.Response(status=204),
    "a list": lambda: web.json_response([1, 2]),
    "a number": lambda: web.Response(text="1e999", content_type="application/json"),
    "deep": lambda: web.Response(text='{"a":' + "[" * 90000, content_type="application/json"),
    "elsewhere": lambda: web.Response(status=302, headers={"Location": "http://127.82.0.1:1/steal"}),
    "huge": lambda: web.Response(text='{"a":"' + "x" * (1 << 21) + '"}', content_type="application/json"),
    "log out": lambda: web.json_response({"error": "unauthorized"}, status=401),
    "forbidden": lambda: web.json_response({"error": "no"}, status=403),
    "a strange status": lambda: web.json_response({}, status=599),
}


async def test_a_hostile_agent_makes_a_gateway_error(agent: Agent, ann: Caller) -> None:
    for (how, answer), (method, path, *_, fallback) in product(HOSTILE.items(), ROUTES):
        agent.next = answer
        reply = await ann.call(method, FAMILIES[0] + path)
        assert reply.status in {403, 502, 504, 599}, how
        assert reply.body["error"] in {fallback, "upstream_failed", "upstream_timeout"}, how


ODD = ['{"a": NaN}', '{"a": [Infinity, -1e999]}', '{"\\ud800": "\\u0000"}']


async def test_odd_json_is_no_error_of_ours(agent: Agent, ann: Caller) -> None:
    for odd, code in product(ODD, [200, 409]):
        agent.next = partial(web.Response, text=odd, status=code, content_type="application/json")
        assert (await ann.get(FAMILIES[0])).status in {code, 502}


async def test_an_operation_in_progress_is_seen_in_the_status(agent: Agent, ann: Caller, hers: World) -> None:
    busy = {"operationInProgress": True, "operationType": "restore", "operationMessage": "unpacking 40%"}
    agent.says(200, {"state": "running", "ready": True, "processRunning": True, **busy})
    await hers.look()
    reply = await ann.get("/api/servers/5000/status")
    assert {key: reply.body[key] for key in busy} == busy
