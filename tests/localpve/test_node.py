"""Many at once, locks, and what a crash leaves."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.localpve.conftest import NET, TEMPLATE, TOKEN, settled
from zpack.localpve.backends.base import BackendError, Guest
from zpack.localpve.backends.sim import SimBackend
from zpack.localpve.errors import ApiError
from zpack.localpve.ledger import Ledger, Record
from zpack.localpve.node import Node
from zpack.localpve.tasks import Tasks

if TYPE_CHECKING:
    from pathlib import Path


async def cloned(session: aiohttp.ClientSession, url: str, vmid: int) -> int:
    """Clone as a patient client does: again while the template is locked. Return how often that was."""
    for refused in itertools.count():
        async with session.post(url, data={"newid": str(vmid)}) as reply:
            if reply.status == 200:
                return refused
            assert reply.reason == "CT is locked (disk)"
    raise AssertionError


async def test_forty_clones_at_once(home: Path, node: Node, server: str) -> None:
    url = f"{server}/api2/json/nodes/pve1/lxc/{TEMPLATE}/clone"
    headers = {"Authorization": f"PVEAPIToken={TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(cloned(session, url, vmid) for vmid in range(5000, 5040)))
    await settled(node)
    records = Ledger(home / "ledger.json").all()
    assert [record.vmid for record in records if record.made] == list(range(5000, 5040))
    assert len({node.guest(record).ip for record in records}) == 40


async def test_a_locked_guest_refuses(node: Node) -> None:
    node.clone(TEMPLATE, {"newid": "5000"})
    with pytest.raises(ApiError, match=r"CT is locked \(create\)"):
        await node.start(5000)
    await settled(node)


async def made(node: Node, vmid: int) -> None:
    node.clone(TEMPLATE, {"newid": str(vmid)})
    await settled(node)


async def test_of_two_starts_at_once_one_is_refused(node: Node) -> None:
    await made(node, 5000)
    answers = await asyncio.gather(node.start(5000), node.start(5000), return_exceptions=True)
    assert sorted(str(answer).partition(":")[0] for answer in answers) == ["CT is locked (start)", "UPID"]


async def test_a_resize_loses_no_change_of_the_configuration(node: Node) -> None:
    await made(node, 5000)
    await node.resize(5000, {"disk": "rootfs", "size": "+4G"})
    with pytest.raises(ApiError, match=r"CT is locked \(disk\)"):
        node.configure(5000, {"memory": "999"})
    await settled(node)
    node.configure(5000, {"memory": "999"})
    config = node.config(5000)
    assert (config["memory"], config["rootfs"]) == (999, "local:5000,size=12G")


async def test_a_disk_never_shrinks(node: Node) -> None:
    await made(node, 5000)
    with pytest.raises(ApiError, match="unable to shrink disk size"):
        await node.resize(5000, {"disk": "rootfs", "size": "4G"})
    node.configure(5000, {"memory": "999"})


class Broken(SimBackend):
    """Fails as no backend should; never ends when asked."""

    async def clone(self, guest: Guest) -> None:
        raise RuntimeError(guest.hostname)

    async def shutdown(self, guest: Guest, *, timeout: float) -> None:
        raise BackendError(f"CT {guest.vmid} did not end within {timeout:.0f} s")


async def test_a_clone_that_fails_in_any_way_leaves_the_vmid_free(home: Path) -> None:
    node = Node(name="pve1", home=home, backend=Broken(script={}), tasks=Tasks(node="pve1", user="x"))
    upid = node.clone(TEMPLATE, {"newid": "5000"})
    await settled(node)
    assert node.tasks.get(upid).status()["exitstatus"] == "unexpected: RuntimeError"
    assert (node.vmids(), node.next_id(5000)) == ([TEMPLATE], 5000)


@pytest.mark.parametrize(("force", "status"), [(True, "stopped"), (False, "running")])
async def test_only_force_stops_a_deaf_guest(home: Path, force: bool, status: str) -> None:
    Ledger(home / "ledger.json").put(Record(5000, TEMPLATE, running=True))
    node = Node(name="pve1", home=home, backend=Broken(script={}), tasks=Tasks(node="pve1", user="x"),
                subnet=f"{NET}.0.0/16")  # fmt: skip
    await node.resume()
    await node.shutdown(5000, seconds=0, force=force)
    await settled(node)
    assert (await node.current(5000))["status"] == status
    await node.close()


async def test_a_guest_whose_template_is_gone_hides_no_other(home: Path) -> None:
    Ledger(home / "ledger.json").put(Record(5000, 777, running=True))
    node = Node(name="pve1", home=home, backend=SimBackend(script={}), tasks=Tasks(node="pve1", user="x"))
    await node.resume()
    assert [(await node.current(vmid))["status"] for vmid in node.vmids()] == ["stopped", "stopped"]
    upid = await node.start(5000)
    await settled(node)
    assert node.tasks.get(upid).status()["exitstatus"] == "template 777 of CT 5000 is missing"
    await node.close()


async def test_what_ran_runs_again(home: Path, node: Node) -> None:
    node.clone(TEMPLATE, {"newid": "5000"})
    await settled(node)
    await node.start(5000)
    await settled(node)
    await node.close()
    again = Node(name="pve1", home=home, backend=SimBackend(script={}), tasks=Tasks(node="pve1", user="x"),
                 subnet=f"{NET}.0.0/16")  # fmt: skip
    await again.resume()
    assert (await again.current(5000))["status"] == "running"
    await again.close()


async def test_a_half_made_clone_is_gone_after_a_crash(home: Path) -> None:
    Ledger(home / "ledger.json").put(Record(5000, TEMPLATE, made=False))
    again = Node(name="pve1", home=home, backend=SimBackend(script={}), tasks=Tasks(node="pve1", user="x"))
    await again.resume()
    assert again.vmids() == [TEMPLATE]
    await again.close()


async def test_a_template_is_never_started_or_deleted(node: Node) -> None:
    for call in (node.start(TEMPLATE), node.delete(TEMPLATE, {})):
        with pytest.raises(ApiError, match="template"):
            await call
