"""Ann's server, whose agent says what a test lets it say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.portal.console.agent import TalkingAgent
from zpack.control.instances.store import insert_instance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.control.conftest import Clients
    from tests.support.visitor import Visitor

CONSOLE = "/servers/5001/console"


@pytest.fixture
async def agent() -> AsyncIterator[TalkingAgent]:
    async with TalkingAgent().serving() as agent:
        yield agent


@pytest.fixture
def extra(port: int, agent: TalkingAgent) -> dict[str, Any]:
    return {"portal_url": f"http://localhost:{port}", "agent_port": agent.port, "agent_token": "a token"}


@pytest.fixture
async def hers(clients: Clients, ann: Visitor) -> Visitor:
    """Ann, who owns server 5001."""
    assert ann.api is not None
    owner = (await ann.api.get("/api/auth/me")).body["user"]["id"]
    async with clients.database.transaction() as session:
        await insert_instance(
            session, customer_id=owner, vmid=5001, hostname="mc-5001", ctype="game", ip="127.0.0.1",
            allocated_ports={}, payload={}, agent_state="running",
        )  # fmt: skip
    return ann
