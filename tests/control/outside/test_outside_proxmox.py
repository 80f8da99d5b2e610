"""Our Proxmox client against PyPI ``fakepve`` and its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import (
    AlreadyExists,
    Denied,
    Locked,
    Missing,
    Proxmox,
    Unreachable,
)
from zpack.control.outside.proxmox_facts import first_address

if TYPE_CHECKING:
    from tests.control.provisioning.counterparts import Cluster

CLONE = {"template": 820, "node": "local", "newid": 5000, "hostname": "mc-5000", "description": "zpack"}


async def clone(proxmox: Proxmox, *, seconds: float = 10, **change: object) -> None:
    wanted = {**CLONE, "storage": None, "pool": None, "budget": Budget.seconds(seconds), **change}
    await proxmox.clone(**wanted)


async def test_a_life_from_clone_to_delete(proxmox: Proxmox, cluster: Cluster) -> None:
    where = {"vmid": 5000, "node": "local", "budget": Budget.seconds(20)}
    await clone(proxmox)
    await proxmox.configure(settings={"cores": "2", "memory": "1024", "tags": "zpack"}, **where)
    await proxmox.start(**where)
    assert (await proxmox.current(**where))["status"] == "running"
    assert await proxmox.address(**where) == "127.82.19.136"
    await proxmox.shutdown(seconds=5, **where)
    await proxmox.delete(**where)
    assert cluster.ours() == []


async def test_what_is_so_already_is_fine(proxmox: Proxmox) -> None:
    where = {"vmid": 5000, "node": "local", "budget": Budget.seconds(20)}
    await clone(proxmox)
    for _ in range(2):
        await proxmox.start(**where)
    for _ in range(2):
        await proxmox.stop(**where)
    await proxmox.shutdown(seconds=1, **where)
    await proxmox.delete(**where)
    with pytest.raises(Missing):
        await proxmox.delete(**where)


async def test_a_ping_tells_of_the_quorum(proxmox: Proxmox, cluster: Cluster) -> None:
    assert await proxmox.ping(Budget.seconds(5))
    cluster.lose_quorum()
    assert not await proxmox.ping(Budget.seconds(5))


async def test_tasks_are_listed_newest_first(proxmox: Proxmox) -> None:
    await clone(proxmox)
    await proxmox.start(vmid=5000, node="local", budget=Budget.seconds(5))
    rows = await proxmox.tasks(node="local", budget=Budget.seconds(5))
    assert {(row.kind, row.ended) for row in rows} == {("vzclone", "OK"), ("vzstart", "OK")}
    (only,) = await proxmox.tasks(node="local", budget=Budget.seconds(5), vmid="5000")
    assert only.kind == "vzstart"


async def test_a_stop_carries_no_timeout(proxmox: Proxmox, cluster: Cluster) -> None:
    await clone(proxmox)
    await proxmox.stop(vmid=5000, node="local", budget=Budget.seconds(5))
    stops = [entry for entry in cluster.requests if str(entry).find("status/stop") >= 0]
    assert stops
    assert "timeout" not in str(stops)


async def test_a_guest_is_found_on_the_node_where_it_is(proxmox: Proxmox, cluster: Cluster) -> None:
    cluster.add_ct(5001, "moved", node="pve7", status="running")
    guest = await proxmox.locate(5001, Budget.seconds(5))
    assert guest is not None
    assert (guest.node, guest.status, guest.name, guest.template) == ("pve7", "running", "moved", False)
    assert await proxmox.locate(5002, Budget.seconds(5)) is None


async def test_a_guest_s_tags_are_told(proxmox: Proxmox, cluster: Cluster) -> None:
    cluster.add_ct(5001, "tagged", node="local", config={"tags": "zpack;game"})
    guest = await proxmox.locate(5001, Budget.seconds(5))
    assert guest is not None
    assert guest.tags == {"zpack", "game"}


async def test_what_a_guest_used_is_asked_for_where_it_is(proxmox: Proxmox, cluster: Cluster) -> None:
    cluster.add_ct(5001, "moved", node="pve7")
    assert isinstance(await proxmox.rrd(5001, "hour", Budget.seconds(5)), list)
    with pytest.raises(Missing):
        await proxmox.rrd(5002, "hour", Budget.seconds(5))


async def test_virtual_machines_take_vmids_too_but_are_no_guests(proxmox: Proxmox, cluster: Cluster) -> None:
    cluster.add_vm(5003, "a-vm", node="local")
    assert 5003 in await proxmox.taken_vmids(Budget.seconds(5))
    assert await proxmox.locate(5003, Budget.seconds(5)) is None


@pytest.mark.seed("S55")
async def test_a_guest_that_the_token_does_not_see_is_not_believed_gone(
    proxmox: Proxmox, cluster: Cluster
) -> None:
    cluster.add_ct(5001, node="local")
    cluster.grant("zpack@pve!api", "/vms/820", "VM.Audit")
    cluster.apitokens["root@pam!zpack"], cluster.apitokens["zpack@pve!api"] = "x", "secret"
    url = proxmox._hosts._bases[0].removesuffix("/api2/json")
    blind = Proxmox(
        base_url=url, token="zpack@pve!api=secret", node="local", http=ForeignHttp(name="Proxmox")
    )
    assert await blind.locate(5002, Budget.seconds(5)) is None
    with pytest.raises(ForeignError, match="does not see") as failed:
        await blind.locate(5001, Budget.seconds(5))
    assert failed.value.transient
    await blind.close()


async def test_a_taken_vmid(proxmox: Proxmox) -> None:
    await clone(proxmox)
    with pytest.raises(AlreadyExists) as failed:
        await clone(proxmox)
    assert not failed.value.transient


async def test_a_missing_container(proxmox: Proxmox) -> None:
    with pytest.raises(Missing):
        await proxmox.config(vmid=5009, node="local", budget=Budget.seconds(5))


async def test_a_locked_container_is_worth_another_try(proxmox: Proxmox, cluster: Cluster) -> None:
    cluster.ct(820).lock = "disk"
    with pytest.raises(Locked) as failed:
        await clone(proxmox)
    assert failed.value.transient


async def test_a_task_that_fails_says_why(proxmox: Proxmox, cluster: Cluster) -> None:
    cluster.add_ct(5000, "broken", node="local").start_error = "no space left on device"
    with pytest.raises(ForeignError, match="no space left on device") as failed:
        await proxmox.start(vmid=5000, node="local", budget=Budget.seconds(5))
    assert not failed.value.transient


async def test_a_task_that_outlasts_the_budget_has_an_unknown_effect(
    proxmox: Proxmox, cluster: Cluster
) -> None:
    cluster.time_scale = 1
    cluster.ct_secs["clone"] = 30
    with pytest.raises(ForeignError) as failed:
        await clone(proxmox, seconds=0.5)
    assert failed.value.timed_out
    cluster.time_scale = 0


async def test_a_wrong_token_is_denied_and_never_shown(cluster_url: str) -> None:
    http = ForeignHttp(name="Proxmox")
    client = Proxmox(base_url=cluster_url, token="root@pam!zpack=hunter2", node="local", http=http)
    with pytest.raises(Denied) as failed:
        await client.version(Budget.seconds(5))
    await client.close()
    assert "hunter2" not in str(failed.value)


async def test_a_token_may_carry_its_prefix(cluster_url: str) -> None:
    client = Proxmox(
        base_url=cluster_url + "/",
        token="PVEAPIToken=root@pam!zpack=secret",
        node="local",
        http=ForeignHttp(name="Proxmox"),
    )
    assert (await client.version(Budget.seconds(5)))["release"]
    await client.close()


async def test_nothing_listening_is_worth_another_try() -> None:
    client = Proxmox(
        base_url="http://127.82.0.9:9", token="a@b!c=d", node="local", http=ForeignHttp(name="Proxmox")
    )
    with pytest.raises(Unreachable) as failed:
        await client.version(Budget.seconds(5))
    await client.close()
    assert failed.value.transient
    assert not failed.value.timed_out


@pytest.mark.parametrize(
    ("rows", "address"),
    [
        ([{"name": "lo", "inet": "127.0.0.1/8"}, {"name": "eth0", "inet": "10.0.0.5/24"}], "10.0.0.5"),
        (
            [{"name": "eth0", "ip-addresses": [{"ip-address-type": "inet", "ip-address": "10.0.0.6"}]}],
            "10.0.0.6",
        ),
        ([{"name": "eth0", "ip-addresses": [{"ip-address-type": "inet6", "ip-address": "fe80::1"}]}], None),
        ([{"name": "eth0"}], None),
        ([{"name": "eth0", "ip-addresses": "x"}, None, 3], None),
        ([], None),
        (None, None),
        ("eth0", None),
    ],
)
def test_the_first_address_that_is_not_loopback(rows: object, address: str | None) -> None:
    assert first_address(rows) == address
