"""An application whose discovery and charts can be asked; servers are rows of the real table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from zpack.control.instances import store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zpack.control.db.session import Database

TOKEN = "a token of Prometheus for tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Have = Callable[..., Awaitable[None]]


@pytest.fixture
def extra() -> dict[str, Any]:
    return {"prom_sd_token": TOKEN, "sd_exclude": "10.60.0.0/24, 10.61.0.7/32"}


@pytest.fixture
async def plain() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that is no account's."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def have(database: Database) -> Have:
    """Have a server that exists."""

    async def have(
        vmid: int, *, ip: str | None = "127.0.0.1", owner: str | None = None, **changes: Any
    ) -> None:
        values = {
            "ctype": "game" if vmid < 6000 else "dev",
            "hostname": f"s-{vmid}",
            "allocated_ports": {},
            "payload": {"game": "minecraft", "variant": "paper"} if vmid < 6000 else {"runtime": "node"},
            "agent_state": "running",
        }
        async with database.transaction() as session:
            await store.insert_instance(session, vmid=vmid, ip=ip, customer_id=owner, **(values | changes))

    return have
