"""Servers as rows of the database; nobody runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from zpack.control.instances import store as instances

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.visitor import Visitor
    from zpack.control.db.session import Database

    GiveServer = Callable[..., Awaitable[None]]


@pytest.fixture
async def give(database: Database, ann: Visitor) -> GiveServer:
    """Return what gives Ann a server."""

    async def one(
        vmid: int, name: str = "", *, ctype: str = "game", called: str | None = None, **payload: Any
    ) -> None:
        known = {"game": "minecraft", "variant": "paper", "version": "1.21.4"} if ctype == "game" else {}
        async with database.transaction() as session:
            owner = (await session.scalars(text("select id from users where username = 'ann'"))).one()
            await instances.insert_instance(
                session,
                vmid=vmid,
                customer_id=owner,
                ctype=ctype,
                hostname=name or f"{ctype}-{vmid}",
                display_name=called,
                ip="127.0.0.1",
                allocated_ports={},
                agent_state="running",
                payload=known | payload,
            )

    return one
