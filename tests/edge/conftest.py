from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import uvloop
from tests.edge.world import MANY, Api, Door, GameServer, edge_here, game_server, listening_api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops: the program runs on uvloop, whose transports differ in small ways."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with listening_api() as api:
        yield api


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """An edge that is in no hurry and knows nobody."""
    async with edge_here(tmp_path, **MANY) as door:
        yield door


@pytest.fixture
async def alpha(door: Door) -> AsyncIterator[GameServer]:
    """A registered game server that runs."""
    async with game_server("alpha") as game:
        await door.register("mc-alpha", game.port)
        yield game
