"""A control plane whose only server is a dev container with a real agent in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.agent.bench import HOST
from tests.agent.dev.stand import Stand, dev_store, stand
from zpack.control.instances import store as rows
from zpack.control.provisioning.models import agent_payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.http import Caller
    from zpack.control.wiring import Clients

VMID = 6001


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[Stand]:
    async with dev_store().serving() as store, stand(tmp_path, store) as made:
        yield made


@pytest.fixture
def extra(dev: Stand) -> dict[str, Any]:
    """Point the settings at the agent."""
    return {"agent_port": urlsplit(dev.client.url).port}


async def insert(clients: Clients, owner: str, **changes: Any) -> None:
    values = {
        "vmid": VMID,
        "customer_id": owner,
        "ctype": "dev",
        "hostname": f"dev-{VMID}",
        "ip": HOST,
        "allocated_ports": {},
        "payload": {"container_type": "dev", "runtime": "node", "version": "24", "agent_seed": "op_dev"},
        "agent_state": "running",
        "engine_type": "node",
        "engine_version": "24",
    }
    async with clients.database.transaction() as session:
        await rows.insert_instance(session, **(values | changes))


async def provision(clients: Clients, dev: Stand, state: str = "running", **wish: Any) -> dict[str, Any]:
    """Configure the agent as a create does, with the payload a create makes."""
    wanted = {"container_type": "dev", "runtime": "node", "version": "24", "memory": 1024} | wish
    token = clients.agents.token_for(VMID, "op_dev")
    await clients.agents.configure(HOST, token, agent_payload({"vmid": VMID, "request": wanted}))
    dev.client.token = token
    return await dev.client.reaches(state)


@pytest.fixture
async def ann_id(ann: Caller) -> str:
    return (await ann.get("/api/auth/me")).body["user"]["id"]


@pytest.fixture
async def hers(clients: Clients, dev: Stand, ann_id: str) -> Stand:
    """Ann's dev container, with an IDE that runs."""
    await insert(clients, ann_id)
    await provision(clients, dev, enable_code_server=True)
    return dev
