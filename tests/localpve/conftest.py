"""A node with scripted guests, served on a free port."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestServer
from proxmoxer import ProxmoxAPI

from zpack.localpve.access import Access
from zpack.localpve.app import Doorkeeper
from zpack.localpve.backends.sim import SimBackend
from zpack.localpve.node import Node
from zpack.localpve.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "0d1c2b3a-4455-6677-8899-aabbccddeeff"
TOKEN = f"root@pam!zpack={SECRET}"
TEMPLATE = 9000
NET = f"127.{100 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
"""First half of the guests' addresses: every test process has its own."""


def write_template(home: Path, body: dict[str, Any], vmid: int = TEMPLATE) -> None:
    folder = home / "templates" / str(vmid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.json").write_text(json.dumps(body))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_template(tmp_path, {"init": ["/bin/true"]})
    return tmp_path


@pytest.fixture
async def node(home: Path) -> AsyncIterator[Node]:
    access = Access(TOKEN)
    backend = SimBackend(script={})
    tasks = Tasks(node="pve1", user=access.user)
    made = Node(name="pve1", home=home, backend=backend, tasks=tasks, subnet=f"{NET}.0.0/16")
    yield made
    await made.close()


@pytest.fixture
async def server(node: Node) -> AsyncIterator[str]:
    served = TestServer(Doorkeeper(node=node, access=Access(TOKEN), denied_seconds=0).app())
    await served.start_server()
    yield str(served.make_url("/")).rstrip("/")
    await served.close()


def proxmoxer(url: str) -> ProxmoxAPI:
    """Return the stranger's client; it only speaks TLS by itself, so its base URL is set."""
    token = {"token_name": "zpack", "token_value": SECRET}
    cluster = ProxmoxAPI("127.0.0.1", user="root@pam", verify_ssl=False, service="PVE", **token)
    cluster._store["base_url"] = f"{url}/api2/json"
    return cluster


async def settled(node: Node) -> None:
    """Wait until no task runs."""
    await asyncio.wait_for(node.tasks.drain(), 10)
