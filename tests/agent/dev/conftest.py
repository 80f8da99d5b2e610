from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.agent.dev.stand import Stand, dev_store, stand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import StoreServer


@pytest.fixture
async def store() -> AsyncIterator[StoreServer]:
    async with dev_store().serving() as served:
        yield served


@pytest.fixture
async def dev(tmp_path: Path, store: StoreServer) -> AsyncIterator[Stand]:
    async with stand(tmp_path, store) as made:
        yield made
