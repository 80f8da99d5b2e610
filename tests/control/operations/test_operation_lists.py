"""Lists of operations: one's own, and everybody's for administrators, in pages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from zpack.control.operations import store
from zpack.control.operations.actions import new_operation_id

if TYPE_CHECKING:
    from tests.support.http import Caller
    from zpack.control.db.session import Database
    from zpack.control.wiring import Api

OWN, ALL = "/api/operations", "/api/admin/operations"


class Begun:
    """Begins operations."""

    def __init__(self, api: Api, database: Database) -> None:
        self._api = api
        self._database = database

    async def one(
        self, owner: str, *, vmid: int = 5000, kind: str = "instance-create", over: bool = False
    ) -> str:
        name = new_operation_id()
        async with self._database.transaction() as session:
            self._api.operations.begin(
                session, operation_id=name, kind=kind, customer_id=owner, request_id="req_test",
                budget=timedelta(minutes=1), vmid=vmid, hostname=f"mc-{vmid}", state={},
            )  # fmt: skip
        if over:
            async with self._database.transaction() as session:
                await store.set_finished(session, name, status="succeeded", result={}, error=None)
        return name


@pytest.fixture
def begun(api: Api, database: Database) -> Begun:
    return Begun(api, database)


async def id_of(caller: Caller) -> str:
    return (await caller.get("/api/auth/me")).body["user"]["id"]


async def ids(caller: Caller, path: str) -> list[str]:
    reply = await caller.get(path)
    assert reply.status == 200, reply
    return [one["id"] for one in reply.body["operations"]]


async def test_everybody_lists_the_own(ann: Caller, bob: Caller, root: Caller, begun: Begun) -> None:
    hers = [await begun.one(await id_of(ann)) for _ in range(2)]
    his = await begun.one(await id_of(bob))
    assert await ids(ann, OWN) == hers[::-1]
    assert await ids(bob, OWN) == [his]
    assert await ids(root, OWN) == []
    assert "ownerId" not in (await ann.get(OWN)).body["operations"][0]


async def test_an_admin_lists_everybodys_and_whose_they_are(ann: Caller, root: Caller, begun: Begun) -> None:
    ours = [await begun.one(await id_of(ann)), await begun.one("usr_gone")]
    assert await ids(root, ALL) == ours[::-1]
    gone, hers = (await root.get(ALL)).body["operations"]
    assert (hers["ownerId"], hers["owner"], gone["owner"]) == (await id_of(ann), "ann", None)
    assert (await ann.get(ALL)).status == 403


@pytest.mark.parametrize(
    ("query", "found"),
    [("active=true", ["b", "c"]), ("active=false", ["a"]), ("vmid=5001", ["b"]), ("vmid=4", []),
     ("active=true&vmid=5000", ["c"])],
)  # fmt: skip
async def test_filters(ann: Caller, begun: Begun, query: str, found: list[str]) -> None:
    owner = await id_of(ann)
    names = {
        await begun.one(owner, over=True): "a",
        await begun.one(owner, vmid=5001): "b",
        await begun.one(owner): "c",
    }
    assert sorted(names[one] for one in await ids(ann, f"{OWN}?{query}")) == found


async def test_filters_of_an_admin(root: Caller, begun: Begun) -> None:
    over, running = await begun.one("u", over=True), await begun.one("u", kind="host-start")
    assert await ids(root, f"{ALL}?status=succeeded") == [over]
    assert await ids(root, f"{ALL}?kind=host-start") == [running]


async def test_pages_have_every_operation_once(ann: Caller, begun: Begun) -> None:
    owner = await id_of(ann)
    made = [await begun.one(owner) for _ in range(5)]
    seen, query = [], "?limit=2"
    while query:
        page: dict[str, Any] = (await ann.get(OWN + query)).body
        seen += [one["id"] for one in page["operations"]]
        query = f"?limit=2&before={page['next']}" if page["next"] else ""
    assert seen == made[::-1]
    assert await ids(ann, f"{OWN}?before=op_nothing") == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "vmid=x", "vmid=99999999999", "active=perhaps", "before=" + "x" * 200]
)
async def test_bad_queries_are_refused(ann: Caller, query: str) -> None:
    assert (await ann.get(f"{OWN}?{query}")).status == 400
