"""``/admin/health``: whether each system works."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from tests.support.visitor import Visitor


async def test_every_system_is_shown(root: Visitor) -> None:
    page = await root.get("/admin/health")
    tiles = {tile.h3.text.strip(): tile.text for tile in page.all("[id^=system-]") if tile.h3}
    assert "up" in tiles["database"]
    assert {"proxmox", "artifacts"} <= set(tiles)
    assert page.one("#health")["hx-trigger"].startswith("every 15s")


async def test_one_that_is_down_is_told_first(root: Visitor, world: World) -> None:
    world.cluster.fail("GET", "/version", 500, "no quorum")
    page = await root.get("/admin/health", headers={"HX-Request": "true"})
    assert "proxmox" in page.one("[role=alert]").text
    assert page.html.lstrip().startswith("<div")
