"""A workspace's files through the API, with a real agent behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.control.dev.conftest import VMID, insert, provision

if TYPE_CHECKING:
    from tests.agent.dev.stand import Stand
    from tests.support.http import Caller
    from zpack.control.wiring import Clients

FILES = f"/api/dev/{VMID}/files"


@pytest.fixture
async def plain(clients: Clients, dev: Stand, ann_id: str) -> Stand:
    """Ann's dev container, without an IDE."""
    await insert(clients, ann_id)
    await provision(clients, dev)
    return dev


async def test_a_file_is_written_into_the_workspace_and_read_again(plain: Stand, ann: Caller) -> None:
    path = {"params": {"path": "src/main.py"}}
    assert (await ann.post(f"{FILES}/folder", params={"path": "src"})).status == 200
    assert (await ann.call("PUT", FILES, data=b"print(1)\n", **path)).status == 201
    assert (plain.home / "workspace/src/main.py").read_bytes() == b"print(1)\n"
    assert (await ann.get(f"{FILES}/read", **path)).body["content"] == "print(1)\n"


async def test_the_agent_s_no_is_passed_on(plain: Stand, ann: Caller) -> None:
    reply = await ann.get(f"{FILES}/read", params={"path": "../x"})
    assert reply.status in {400, 403, 502}
    assert reply.body["details"]["error"] == "path_rejected"
    assert plain.client.token


async def test_another_s_workspace_is_not_there(plain: Stand, bob: Caller, anyone: Caller) -> None:
    assert (await bob.get(FILES)).status == 404
    assert (await anyone.get(FILES)).status == 401
    assert plain.client.token


async def test_each_family_is_for_its_own_type(plain: Stand, ann: Caller) -> None:
    reply = await ann.get(f"/api/servers/{VMID}/files")
    assert (reply.status, reply.body["error"]) == (400, "wrong_container_type")
    assert plain.client.token
