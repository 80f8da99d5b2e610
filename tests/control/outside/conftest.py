"""A cluster and clients of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.provisioning.counterparts import TOKEN, Cluster, serving
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
async def cluster_url(cluster: Cluster) -> AsyncGenerator[str]:
    async with serving(cluster._build_app(), "127.82.0.1") as port:
        yield f"http://127.82.0.1:{port}"


@pytest.fixture
async def proxmox(cluster_url: str) -> AsyncGenerator[Proxmox]:
    client = Proxmox(base_url=cluster_url, token=TOKEN, node="local", http=ForeignHttp(name="Proxmox"))
    yield client
    await client.close()
