"""This room's tests use the world of provisioning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.idle.resting import Resting
from tests.control.provisioning.conftest import api, hint, others, worker, world
from zpack.control.operations.actions import Operations
from zpack.control.wiring import build_publishing
from zpack.control.wiring.idle import idle_reconciler
from zpack.control.wiring.rooms import build_power

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts
    from tests.control.provisioning.world import World
    from tests.support.http import Caller
    from zpack.control.settings import Settings

__all__ = ["api", "hint", "others", "worker", "world"]


@pytest.fixture
def extra(others: Counterparts) -> dict[str, Any]:
    return others.settings | {"idle_grace_seconds": 0.0, "idle_least_minutes": 1.0}


@pytest.fixture
async def hers(world: World, settings: Settings, ann: Caller) -> Resting:
    """Ann, who owns the running server 5000, on which nobody plays."""
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await world.created(5000, owner=me)
    await world.look()
    clients = world.clients
    reconciler = idle_reconciler(
        settings,
        clients,
        power=build_power(settings, clients, Operations(database=clients.database, hint=lambda: None)),
        publishing=build_publishing(settings, clients),
        alone=lambda: True,
    )
    return Resting(world, ann, me, reconciler)
