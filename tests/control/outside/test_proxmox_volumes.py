"""Volumes that grow and volumes that are added, where the operator allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.control.engine.budget import Budget
from zpack.control.outside.proxmox_volumes import NotAllowed, Volumes

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Cluster
    from zpack.control.outside.proxmox import Guest, Proxmox


@pytest.fixture
async def guest(cluster: Cluster, proxmox: Proxmox) -> Guest:
    rootfs = {"rootfs": "local-lvm:vm-5000-disk-0,size=8G"}
    cluster.add_ct(5000, node="local", status="running", config=rootfs)
    found = await proxmox.locate(5000, Budget.seconds(5))
    assert found is not None
    return found


def volumes(proxmox: Proxmox, *, allowed: bool) -> Volumes:
    return Volumes(proxmox=proxmox, allow_resize=allowed, allow_options=allowed, shutdown_seconds=5)


async def mounted(changer: Volumes, guest: Guest, path: str) -> bool:
    return await changer.mount(guest, storage="local-lvm", gib=4, path=path, budget=Budget.seconds(20))


async def test_growing_twice_is_growing_once(proxmox: Proxmox, cluster: Cluster, guest: Guest) -> None:
    for _ in range(2):
        await volumes(proxmox, allowed=True).grow(guest, 12, Budget.seconds(5))
    assert "size=12G" in cluster.ct(5000).config["rootfs"]


async def test_a_larger_disk_stays(proxmox: Proxmox, cluster: Cluster, guest: Guest) -> None:
    await volumes(proxmox, allowed=True).grow(guest, 4, Budget.seconds(5))
    assert "size=8G" in cluster.ct(5000).config["rootfs"]


async def test_a_mount_point_is_added_once_and_the_container_runs(
    proxmox: Proxmox, cluster: Cluster, guest: Guest
) -> None:
    changer = volumes(proxmox, allowed=True)
    assert [await mounted(changer, guest, "/srv/data") for _ in range(2)] == [True, False]
    assert await mounted(changer, guest, "/srv")
    container = cluster.ct(5000)
    assert container.status == "running"
    assert [",mp=/srv/data" in container.config["mp0"], ",mp=/srv" in container.config["mp1"]] == [True, True]


async def test_nothing_is_changed_unless_it_is_allowed(
    proxmox: Proxmox, cluster: Cluster, guest: Guest
) -> None:
    changer = volumes(proxmox, allowed=False)
    with pytest.raises(NotAllowed, match="PVE_ALLOW_RESIZE"):
        await changer.grow(guest, 12, Budget.seconds(5))
    with pytest.raises(NotAllowed, match="PVE_ALLOW_OPTIONS"):
        await mounted(changer, guest, "/srv/data")
    assert not [path for method, path, _ in cluster.requests if method == "PUT"]
