"""A create whose root disk is larger than the template's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.provisioning.world import World, request_for, run

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Counterparts


@pytest.fixture
def extra(others: Counterparts) -> dict[str, Any]:
    return {**others.settings, "proxmox_allow_resize": True, "disk_gib": 20}


async def test_the_disk_is_grown_once_and_the_agent_told(world: World) -> None:
    await run(world.create[:8], request_for(5000, "op_1"), repeat=True)
    assert "size=20G" in world.cluster.ct(5000).config["rootfs"]
    assert world.scripts.configured[5000]["disk_mb"] == 20480
