"""SIGKILL in every phase of a create and of a delete, and in every undo: afterwards all records agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from tests.journeys.stack import WANTED, Stack, finished
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.http import Caller

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="module")]

CREATE = [
    "allocate-vmid", "clone-container", "configure-container", "start-container", "wait-for-ip",
    "build-agent-payload", "send-agent-config", "await-ready", "persist-instance", "publish-edge",
]  # fmt: skip
DELETE = ["archive-instance", "unpublish-edge", "delete-container", "remove-instance"]
UNDO = ["start-container", "clone-container", "allocate-vmid"]
SCRIPT = {"rules": [{"match": {"world": "stuck"}, "behaviour": "never_ready"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("crash"), "127.83.0.0/16", SCRIPT)
    await made.open()
    yield made
    await made.close()


async def killed_at(stack: Stack, tmp_path: Path, place: str) -> None:
    """Run control with a fault planted at a place."""
    await stack.start_control(ZPACK_KILL_AT=place, ZPACK_KILL_MARKER=str(tmp_path / "killed"))


async def created(stack: Stack, **more: Any) -> str:
    async with stack.someone("ann") as ann:
        reply = await ann.post("/api/instances", WANTED | more)
        assert reply.status == 202, reply
        return reply.body["statusUrl"]


async def removed(stack: Stack) -> None:
    """Stop and delete what there is, so that the next case begins with nothing."""
    async with stack.someone("ann") as ann:
        for server in (await ann.get("/api/servers")).body["servers"]:
            reply = await ann.post(f"/api/servers/{server['id']}/host/stop")
            await finished(ann, f"/api/operations/{reply.body['operation']['id']}")
            assert (await ann.call("DELETE", f"/api/containers/{server['id']}")).status == 200


@pytest.mark.parametrize(
    ("phase", "moment"),
    [(phase, "after") for phase in CREATE]
    + [(phase, "before") for phase in ("clone-container", "publish-edge")],
)
async def test_a_create_survives_a_kill(stack: Stack, tmp_path: Path, phase: str, moment: str) -> None:
    await killed_at(stack, tmp_path, f"instance-create:{phase}:{moment}")
    url = await created(stack)
    await stack.control_died()
    await stack.start_control()
    async with stack.someone("ann") as ann:
        operation = await finished(ann, url)
    assert operation["status"] == "succeeded", operation
    await stack.exactly({operation["vmid"]})
    await removed(stack)
    await stack.exactly(set())
    await stack.stop_control()


@pytest.mark.parametrize("phase", DELETE)
async def test_a_delete_survives_a_kill(stack: Stack, tmp_path: Path, phase: str) -> None:
    await killed_at(stack, tmp_path, f"instance-delete:{phase}:after")
    async with stack.someone("ann") as ann:
        url = await created(stack)
        vmid = (await finished(ann, url))["vmid"]
        reply = await ann.post(f"/api/servers/{vmid}/host/stop")
        await finished(ann, f"/api/operations/{reply.body['operation']['id']}")
        with pytest.raises(aiohttp.ClientError):  # the connection dies with control
            await ann.call("DELETE", f"/api/containers/{vmid}")
    await stack.control_died()
    await stack.start_control()
    async with stack.someone("ann") as ann:
        again = await ann.call("DELETE", f"/api/containers/{vmid}")
    assert again.status == 200, again
    await stack.exactly(set())
    assert stack.rows(f"select count(*) from deleted_instances where vmid = {vmid}")[0] >= 1
    await stack.stop_control()


async def _waits_for_readiness(ann: Caller, url: str) -> bool:
    return (await ann.get(url)).body["operation"]["phase"] == "await-ready"


@pytest.mark.parametrize("phase", UNDO)
async def test_an_undo_survives_a_kill(stack: Stack, tmp_path: Path, phase: str) -> None:
    await killed_at(stack, tmp_path, f"instance-create:undo-{phase}:after")
    url = await created(stack, world="stuck")
    async with stack.someone("ann") as ann:
        await eventually(lambda: _waits_for_readiness(ann, url), timeout=60, what="the last step before")
        assert (await ann.post(f"{url}/cancel")).status == 202
    await stack.control_died()
    await stack.start_control()
    async with stack.someone("ann") as ann:
        operation = await finished(ann, url)
    assert operation["status"] == "cancelled", operation
    await stack.exactly(set())
    await stack.stop_control()
