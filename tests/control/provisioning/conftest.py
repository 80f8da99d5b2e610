"""A world with a real database; other rooms' folders import these fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.counterparts import Counterparts, counterparts
from tests.control.provisioning.world import World, build_world
from zpack.control.wiring import Api, Clients, Hint, build_api, build_work
from zpack.control.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from zpack.control.settings import Settings


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


@pytest.fixture
def hint() -> Hint:
    return Hint()


@pytest.fixture
def api(settings: Settings, clients: Clients, hint: Hint) -> Api:
    return build_api(settings, clients, hint)


@pytest.fixture
async def worker(settings: Settings, clients: Clients, hint: Hint) -> AsyncGenerator[Worker]:
    """Run the real worker: the kernel, the pollers, the reconcilers."""
    work = build_work(settings, clients, embedded=True)
    hint.listener = work.dispatch
    made = Worker(work)
    await made.start()
    yield made
    await made.stop()
