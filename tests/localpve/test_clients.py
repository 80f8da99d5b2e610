"""Strangers' clients drive the node."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from proxmoxer.core import ResourceException

from tests.localpve.conftest import NET, SECRET, TEMPLATE, proxmoxer, settled
from zpack.artifacts.node import find_node

if TYPE_CHECKING:
    from zpack.localpve.node import Node

STRICT = Path(__file__).parent.parent / "node" / "proxmox"


def waited(cluster: Any, upid: str) -> str:
    """Follow a task as proxmoxer's users do."""
    while (status := cluster.nodes("pve1").tasks(upid).status.get())["status"] == "running":
        continue
    return status["exitstatus"]


def life(url: str) -> list[Any]:
    """Run one container's whole life through proxmoxer; return what was seen."""
    cluster = proxmoxer(url)
    vmid = cluster.cluster.nextid.get()
    lxc = cluster.nodes("pve1").lxc
    seen = [waited(cluster, lxc(TEMPLATE).clone.post(newid=vmid, hostname="life", full=1))]
    guest = lxc(vmid)
    guest.config.put(memory=256, cores=2, tags="zpack")
    for action in ("start", "reboot", "shutdown"):
        seen.append(waited(cluster, guest.status(action).post()))
        seen.append(guest.status.current.get()["status"])
    seen.append(guest.config.get()["memory"])
    seen.append(waited(cluster, guest.delete()))
    return seen


async def test_proxmoxer_lives_a_containers_life(server: str) -> None:
    seen = await asyncio.to_thread(life, server)
    assert seen == ["OK", "OK", "running", "OK", "running", "OK", "stopped", 256, "OK"]


async def test_proxmoxer_sees_the_address(node: Node, server: str) -> None:
    node.clone(TEMPLATE, {"newid": "5000"})
    await settled(node)
    await node.start(5000)
    await settled(node)
    rows = await asyncio.to_thread(proxmoxer(server).nodes("pve1").lxc(5000).interfaces.get)
    assert {row["name"]: row["inet"] for row in rows}["eth0"] == f"{NET}.19.136/16"


async def test_proxmoxer_gets_the_reason_of_an_error(server: str) -> None:
    with pytest.raises(ResourceException, match="already exists"):
        await asyncio.to_thread(proxmoxer(server).nodes("pve1").lxc(TEMPLATE).clone.post, newid=TEMPLATE)


async def test_the_tasks_log_can_be_read(node: Node, server: str) -> None:
    upid = node.clone(TEMPLATE, {"newid": "5000"})
    await settled(node)
    rows = await asyncio.to_thread(proxmoxer(server).nodes("pve1").tasks(upid).log.get)
    assert [row["n"] for row in rows] == [1, 2]
    assert rows[-1]["t"] == "TASK OK"


@pytest.mark.node
async def test_the_strict_client_accepts_our_answers(server: str) -> None:
    words = [str(find_node().node), str(STRICT / "life.mjs"), server, "root@pam!zpack", SECRET, str(TEMPLATE)]
    done = await asyncio.to_thread(
        subprocess.run, words, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "clone": "OK",
        "start": "OK",
        "status": "running",
        "stop": "OK",
        "delete": "OK",
    }
