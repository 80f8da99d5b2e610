"""This room's tests use the world of provisioning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.provisioning.conftest import api, extra, hint, others, worker, world
from tests.control.suspension.standing import Hers

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings

__all__ = ["api", "extra", "hers", "hint", "others", "worker", "world"]


@pytest.fixture
async def hers(world: World, settings: Settings, ann: Caller) -> Hers:
    """Ann, who owns the running server 5000."""
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await world.created(5000, owner=me)
    await world.look()
    return Hers.of(world, settings, ann, me)
