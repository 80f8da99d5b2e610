"""One look at the cluster for everybody: what is kept of it, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.hosts import poller
from zpack.control.hosts.poller import ClusterWatch
from zpack.control.hosts.store import HostState

if TYPE_CHECKING:
    from tests.control.provisioning.world import World
    from zpack.control.engine.changes import Change
    from zpack.control.outside.proxmox_facts import Guest


class Told:
    """Changes that are remembered instead of told."""

    def __init__(self) -> None:
        self.heard: list[Change] = []

    async def tell_all(self, changes: Any) -> None:
        self.heard.extend(changes)


def watching(world: World, told: Told, *, alone: bool = True) -> ClusterWatch:
    return ClusterWatch(
        database=world.clients.database,
        proxmox=world.clients.proxmox,
        states=world.stores.hosts,
        changes=told,  # type: ignore[arg-type]
        alone=lambda: alone,
    )


async def kept(world: World) -> dict[str, str]:
    found = await world.clients.redis.hgetall("hosts")
    return {key: value for key, value in found.items() if not key.startswith("*")}


@pytest.mark.seed("S43")
async def test_a_look_keeps_power_and_node(world: World) -> None:
    await world.created(5000)
    await world.watch.tick()
    assert await kept(world) == {"5000": "running local"}


async def test_only_what_changed_is_told(world: World) -> None:
    for vmid in (5000, 5001):
        await world.created(vmid)
    told = Told()
    watch = watching(world, told)
    await watch.tick()
    await watch.tick()
    assert told.heard == []
    world.cluster.ct(5001).status = "stopped"
    await watch.tick()
    assert [(change.key, change.owner) for change in told.heard] == [("5001", "u-ada")]


async def test_a_gone_container_is_forgotten(world: World) -> None:
    await world.created(5000)
    await world.watch.tick()
    world.cluster.cts[:] = [ct for ct in world.cluster.cts if ct.vmid != 5000]
    await world.watch.tick()
    assert await kept(world) == {}


async def test_strangers_are_not_kept(world: World) -> None:
    world.cluster.add_ct(101, "dns", node="local")
    await world.watch.tick()
    assert await kept(world) == {}


async def test_an_older_list_does_not_undo_what_we_just_did(world: World) -> None:
    await world.created(5000)
    await world.watch.tick()
    await world.stores.hosts.put(5000, HostState("stopped", "local"))  # Proxmox's list lags behind
    await world.watch.tick()
    assert await kept(world) == {"5000": "stopped local"}


async def test_a_look_that_began_before_a_start_does_not_undo_it(world: World) -> None:
    told = Told()
    watch = watching(world, told)
    await watch.tick()
    await world.created(5000)
    seen = await world.clients.proxmox.guests(Budget.seconds(5))
    seen[5000] = replace(seen[5000], status="stopped")

    class Slow:
        """Answers what was true before the start."""

        async def guests(self, _budget: Budget) -> dict[int, Guest]:
            await world.stores.hosts.put(5000, HostState("running", "local"))
            return seen

    watch._proxmox = Slow()  # type: ignore[assignment]
    await watch.tick()
    assert await kept(world) == {"5000": "running local"}


async def test_what_we_did_is_believed_only_so_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.created(5000)
    await world.watch.tick()
    await world.stores.hosts.put(5000, HostState("stopped", "local"))  # and somebody started it again
    monkeypatch.setattr(poller, "LAG_SECONDS", 0.0)
    await world.watch.tick()
    assert await kept(world) == {"5000": "running local"}


async def test_an_absent_cluster_leaves_what_is_known_until_it_runs_out(world: World) -> None:
    await world.created(5000)
    await world.watch.tick()
    world.cluster.fail("GET", "/cluster/resources", 500, "no quorum")
    with pytest.raises(ForeignError):
        await world.watch.tick()
    assert await kept(world) == {"5000": "running local"}
    assert 10 <= await world.clients.redis.ttl("hosts") <= 15


async def test_a_store_that_lost_everything_is_filled_again(world: World) -> None:
    await world.created(5000)
    await world.watch.tick()
    await world.clients.redis.flushall()
    await world.watch.tick()
    assert await kept(world) == {"5000": "running local"}


async def test_only_the_one_looks(world: World) -> None:
    await world.created(5000)
    world.cluster.requests.clear()
    await watching(world, Told(), alone=False).tick()
    assert list(world.cluster.requests) == []
