"""A world with a real database; other rooms' folders import these fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.counterparts import Counterparts, counterparts
from tests.control.provisioning.world import World, build_world

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients


@pytest.fixture
async def others() -> AsyncGenerator[Counterparts]:
    async with counterparts() as found:
        yield found


@pytest.fixture
def extra(others: Counterparts) -> dict[str, Any]:
    """Point the settings at the counterparts."""
    return others.settings


@pytest.fixture
def world(settings: Settings, clients: Clients, others: Counterparts) -> World:
    return build_world(settings, clients, others)
