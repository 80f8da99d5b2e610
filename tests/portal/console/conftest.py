"""Ann's server, whose agent says what a test lets it say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.portal.console.agent import TalkingAgent
from tests.support.owning import own

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
    await own(clients.database, ann, 5001, hostname="mc-5001")
    return ann
