from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import Client, StoreServer, agent_here, scripted_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def store() -> AsyncIterator[StoreServer]:
    async with scripted_store().serving() as served:
        yield served


@pytest.fixture
async def agent(tmp_path: Path, store: StoreServer) -> AsyncIterator[Client]:
    async with agent_here(tmp_path, store) as client:
        yield client
