"""Ann's server with a real agent and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.files.conftest import TOKEN, add_server, address, agent
from tests.support.owning import owner_of

if TYPE_CHECKING:
    from tests.control.conftest import Database
    from tests.support.visitor import Visitor

__all__ = ["address", "agent"]
FILES = "/servers/5001/files"


@pytest.fixture
def extra(port: int, address: tuple[str, int]) -> dict[str, Any]:
    return {"portal_url": f"http://localhost:{port}", "agent_port": address[1], "agent_token": TOKEN}


@pytest.fixture
async def hers(database: Database, ann: Visitor, address: tuple[str, int]) -> Visitor:
    """Ann, who owns server 5001."""
    await add_server(database, address, owner=await owner_of(ann))
    return ann
