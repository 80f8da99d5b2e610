from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import HOST, Client, StoreServer, agent_here, scripted_store
from tests.support.cdn import Authority, Cdn, serving_cdn, written_authority

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


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return written_authority(tmp_path_factory.mktemp("authority"), HOST, "localhost", "cdn.example")


@pytest.fixture
async def cdn(authority: Authority) -> AsyncIterator[Cdn]:
    async with serving_cdn(HOST, authority.context) as served:
        yield served
