"""``--network bridge``, in a network namespace of the test's own: the host's network is not touched."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.localpve.lxc_world import NOTHING
from zpack.localpve.backends.network import Bridge

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lxc


async def test_guests_have_a_network_of_their_own(tmp_path: Path) -> None:
    words = ("unshare", "--net", sys.executable, "-m", "tests.localpve.lxc_bridge_rehearsal", str(tmp_path))
    child = await asyncio.create_subprocess_exec(*words, stdout=-1, stderr=-1)
    said, complaint = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, complaint.decode()
    facts = json.loads(said)
    addresses, change = facts["said"]
    assert facts["ip"] == "10.77.19.137"
    assert "10.77.19.137/16" in addresses
    assert change != 0  # the guest's root may not give itself an address
    assert facts["heard"] == "hello"
    assert facts["neighbour"] == "refused"
    assert facts["netin"] > 0
    assert len(facts["during"]) == 3  # the bridge and two guests
    assert facts["after"] == []
    assert facts["left"] == NOTHING


def test_addresses_follow_from_the_vmid() -> None:
    bridge = Bridge("0123456789", "10.5.0.0/16")
    assert bridge.address(5000) == "10.5.19.136"
    assert bridge.gateway == "10.5.255.254"
    every = {bridge.address(vmid) for vmid in range(4999, 7001)}
    assert len(every) == 2002
    assert bridge.gateway not in every


@pytest.mark.parametrize("vmid", [100, 5000, 999_999_999])
def test_interface_names_fit_the_kernel(vmid: int) -> None:
    plan = Bridge("0123456789", "127.77.0.0/16").plan(vmid)
    assert len(plan["veth"]) <= 15
    assert str(vmid) in plan["veth"]
