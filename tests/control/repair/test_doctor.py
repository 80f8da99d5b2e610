"""What the doctor says of a cluster: what is there, what is not, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.doctor import examine

if TYPE_CHECKING:
    from tests.control.repair.mender import Mender


async def test_a_cluster_that_lacks_what_settings_name(mender: Mender) -> None:
    wanted = mender.settings.model_copy(
        update={"template_vmid": 5000, "proxmox_storage": "nowhere", "proxmox_pool": "none", "bridge": "br9"}
    )
    found = await examine(wanted, mender.world.clients)
    assert "no template" in (found["proxmox template"] or "")
    assert "PROXMOX_STORAGE" in (found["proxmox storage"] or "")
    assert "PROXMOX_POOL" in (found["proxmox pool"] or "")
    assert "ZPACK_GAME_BRIDGE" in (found["proxmox bridge br9"] or "")


async def test_a_good_cluster_is_not_complained_about(mender: Mender) -> None:
    found = await examine(mender.settings, mender.world.clients)
    well = ("database", "schema", "clock", "proxmox", "proxmox node", "proxmox template", "edge", "artifacts")
    assert {name: found[name] for name in well} == dict.fromkeys(well)


async def test_a_node_that_is_away_is_named(mender: Mender) -> None:
    mender.world.cluster.nodes["local"]["online"] = False
    found = await examine(mender.settings, mender.world.clients)
    assert found["proxmox node"] == "node local is offline"


async def test_a_schema_that_is_behind_is_told(mender: Mender) -> None:
    await mender.rows("update alembic_version set version_num = '0001' returning version_num")
    found = await examine(mender.settings, mender.world.clients)
    assert "zpack migrate" in (found["schema"] or "")
