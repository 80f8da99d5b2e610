"""Every route against every kind of caller, on the real application with real rows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import jwt
import pytest
from sqlalchemy import text

from tests.control.access.matrix import BODIES, CALLERS, KINDS, ROUTES, line_for
from zpack.control.app import SOCKET, access_rules, create_app
from zpack.control.entitlements import store as entitlements
from zpack.control.instances.store import insert_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.http import Caller
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.settings import Settings
    from zpack.control.wiring import Api

REFUSALS = {401, 403, 404}
OURS = {"server_not_found", "operation_not_found", "user_not_found"}
"""A 404 that says one of these is about the caller; any other is about what the route serves."""


async def nothing() -> dict[str, str]:
    return {}


def rules_of(api: Api) -> dict[str, str | None]:
    return dict(access_rules(create_app(api, ready=nothing, cors_origins=())))


def test_every_route_has_a_row(api: Api) -> None:
    rules = rules_of(api)
    missing = [line_for(route, rule) for route, rule in sorted(rules.items()) if route not in ROUTES]
    gone = sorted(ROUTES.keys() - rules.keys())
    assert not missing, "add to ROUTES in tests/control/access/matrix.py:\n" + "\n".join(missing)
    assert not gone, f"routes that are no more, in tests/control/access/matrix.py: {gone}"


def test_every_kind_says_what_every_caller_gets() -> None:
    assert all(set(row) == set(CALLERS) for row in KINDS.values())


# --- the callers -----------------------------------------------------------------------------------


def forged(token: str | None, settings: Settings, **claims: Any) -> str:
    """Return a token of ours but for these claims."""
    assert token
    said = jwt.decode(token, options={"verify_signature": False}) | claims
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(said, settings.auth_secret.get_secret_value(), algorithm="HS256", headers={"kid": kid})


async def add_server(session: AsyncSession, vmid: int, owner: str) -> None:
    ctype = "dev" if vmid >= 6000 else "game"
    await insert_instance(
        session, vmid=vmid, customer_id=owner, ctype=ctype, hostname=f"{ctype}-{vmid}", ip="127.0.0.1",
        allocated_ports={}, payload={"variant": "fabric", "version": "1.21.4"}, agent_state="running",
    )  # fmt: skip
    facts = {"id": f"op_{vmid}", "owner": owner, "vmid": vmid}
    await session.execute(
        text(
            "insert into operations (id, kind, status, customer_id, vmid, request_id, input, deadline)"
            " values (:id, 'host-stop', 'succeeded', :owner, :vmid, 'r', '{}', now())"
        ),
        facts,
    )


@pytest.fixture
async def people(
    ann: Caller, bob: Caller, root: Caller, anyone: Caller
) -> AsyncIterator[dict[str, str | None]]:
    """Return everybody's token by name."""
    async with await anyone.registered("cid") as cid, await anyone.registered("dan") as dan:
        everybody = {"ann": ann, "bob": bob, "root": root, "cid": cid, "dan": dan}
        yield {name: caller.token for name, caller in everybody.items()}


@pytest.fixture
async def tokens(
    database: Database, settings: Settings, people: dict[str, str | None]
) -> dict[str, str | None]:
    """Ann owns 5000 and 6000, the suspended Cid 5001 and 6001; Dan had an account, Eve is acted upon."""
    async with database.transaction() as session:
        ids = {name: key for key, name in await session.execute(text("select id, username from users"))}
        for vmid, name in ((5000, "ann"), (6000, "ann"), (5001, "cid"), (6001, "cid")):
            await add_server(session, vmid, ids[name])
        await entitlements.grant(session, ids["cid"], server_state="suspended_shutdown")
        await session.execute(
            text("update users set id = 'usr_eve', username = 'eve' where username = 'dan'")
        )
    return {
        "anonymous": None,
        "owner": people["ann"],
        "another user": people["bob"],
        "admin": people["root"],
        "suspended owner": people["cid"],
        "revoked session": people["dan"],
        "expired token": forged(people["ann"], settings, exp=datetime.now(UTC) - timedelta(minutes=2)),
        "wrong audience": forged(people["ann"], settings, aud="zpack:refresh"),
    }


# --- the matrix ------------------------------------------------------------------------------------


def address(path: str, caller: str) -> str:
    """Return a path with everything filled in, of a server of the caller's own when suspended."""
    vmid = (6000 if path.startswith("/api/dev/") else 5000) + (caller == "suspended owner")
    filled = path.format(
        server_id=vmid, vmid=vmid, operation_id=f"op_{vmid}", backup_id="b1", mod_id="a.jar", action="start",
        plan_id="none", user_id="usr_eve",
    )  # fmt: skip
    return f"{filled}?path=a&id=b1&vmid={vmid}&q=x"


def body_of(route: str, path: str) -> Any:
    return next((body for word, body in BODIES.items() if word in route or word in path), {})


async def asked(http: aiohttp.ClientSession, base: str, route: str, caller: str, token: str | None) -> str:
    """Ask once; return ``answered``, or with which status and code the caller was refused."""
    method, path = route.split()
    url = base + (path := address(path, caller))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method == SOCKET:
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        async with http.get(url, headers=headers) as answer:
            return await outcome(answer)
    content = None if method in {"GET", "HEAD"} else body_of(route, path)
    async with http.request(method, url, json=content, headers=headers) as answer:
        return await outcome(answer)


async def outcome(answer: aiohttp.ClientResponse) -> str:
    if answer.status not in REFUSALS:
        assert answer.status != 500, f"{answer.method} {answer.url}"
        return "answered"
    if answer.method == "HEAD":
        return str(answer.status)
    code = (await answer.json())["error"]
    return f"{answer.status} {code}" if answer.status != 404 or code in OURS else "answered"


@pytest.mark.seed("S90")
async def test_every_caller_gets_what_the_table_says(base_url: str, tokens: dict[str, str | None]) -> None:
    wrong: list[str] = []
    gate = asyncio.Semaphore(8)
    async with aiohttp.ClientSession() as http:

        async def check(route: str, kind: str, caller: str) -> None:
            async with gate:
                said = await asked(http, base_url, route, caller, tokens[caller])
            due = KINDS[kind][caller]
            if said != (due.split()[0] if route.startswith("HEAD ") else due):
                wrong.append(f"{route}: {caller}: {said}, due: {due}")

        cells = [(route, kind, caller) for route, kind in ROUTES.items() for caller in CALLERS]
        async with asyncio.TaskGroup() as group:
            for cell in cells:
                group.create_task(check(*cell))
    assert not wrong, "\n".join(sorted(wrong))
