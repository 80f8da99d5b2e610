from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.agent.files.world import files_agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.agent.bench import Client


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Client]:
    async with files_agent(tmp_path) as client:
        yield client
