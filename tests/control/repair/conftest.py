"""This room's tests use the world of provisioning, and look for drift when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.provisioning.conftest import api, extra, hint, others, worker, world
from tests.control.repair.mender import Mender

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from zpack.control.settings import Settings

__all__ = ["api", "extra", "hint", "others", "worker", "world"]


@pytest.fixture
async def mender(world: World, settings: Settings) -> Mender:
    """Two servers that are well."""
    for vmid in (5000, 5001):
        await world.created(vmid)
    await world.look()
    return Mender(world, settings)
