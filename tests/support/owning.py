"""Servers of a visitor as rows of the database; whether anybody runs them, and who, is up to the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.instances import store

if TYPE_CHECKING:
    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database


async def owner_of(visitor: Visitor) -> str:
    """Return the id of a visitor who has an account."""
    assert visitor.api is not None
    return (await visitor.api.get("/api/auth/me")).body["user"]["id"]


async def own(database: Database, visitor: Visitor, vmid: int, *, ctype: str = "game", **row: Any) -> None:
    """Give a visitor a server whose agent, if there is one, is on this machine."""
    values = {"hostname": f"{ctype}-{vmid}", "ip": "127.0.0.1", "allocated_ports": {}, "payload": {}}
    owner = await owner_of(visitor)
    async with database.transaction() as session:
        await store.insert_instance(
            session, vmid=vmid, customer_id=owner, ctype=ctype, agent_state="running", **(values | row)
        )
