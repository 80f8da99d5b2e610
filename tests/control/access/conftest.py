"""Everybody of the matrix, before a control plane that reaches no foreign system but the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.control.access.people import People
from tests.control.provisioning.counterparts import ArtifactStore, every_path, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zpack.control.settings import Settings
    from zpack.control.wiring import Api, Clients


@pytest.fixture
async def extra() -> AsyncIterator[dict[str, Any]]:
    async with serving(every_path(ArtifactStore().answer), "127.82.0.4") as port:
        yield {"artifact_base_url": f"http://127.82.0.4:{port}"}


@pytest.fixture
async def people(api: Api, clients: Clients, settings: Settings) -> People:
    made = People(api=api, clients=clients, settings=settings)
    await made.settle()
    return made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as made:
        yield made
