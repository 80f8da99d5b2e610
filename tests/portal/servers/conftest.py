"""Servers as rows of the database; nobody runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.owning import own

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
        words = {"hostname": name} if name else {}
        row = {"payload": known | payload, "display_name": called, **words}
        await own(database, ann, vmid, ctype=ctype, **row)

    return one
