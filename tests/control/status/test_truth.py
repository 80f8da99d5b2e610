"""Agent, Proxmox, edge and clock events in any order: the status never says more than the evidence.

The model remembers what each source really said when it was last asked. It shares nothing with the merge.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.control.provisioning.counterparts import counterparts
from tests.control.provisioning.world import ADA, World, build_world
from zpack.control.engine.errors import ForeignError
from zpack.control.wiring import Api, Hint, build_api, build_clients

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from zpack.control.settings import Settings

VMID, NAME, IP = 5000, "mc-flying-squid-5000", "127.82.19.136"
OPERATION = {"id": "op_model", "vmid": VMID, "type": "restart", "status": "running"}
Listing = dict[str, dict[str, Any]]
RIGHT: Listing = {NAME: {"name": NAME, "address": IP, "port": 25565}}
WRONG: Listing = {NAME: {"name": NAME, "address": "10.9.9.9", "port": 25565}}
OTHER: Listing = {"lobby": {"name": "lobby", "address": "10.9.9.9", "port": 25565}}
LISTINGS: dict[str, Listing] = {
    "right": RIGHT, "wrong": WRONG, "unlisted": OTHER, "elsewhere": WRONG | OTHER, "nothing": {}
}  # fmt: skip


class Ground:
    """The one real world under all examples: PostgreSQL, fakepve, agents, a proxy, the product's own parts."""

    def __init__(self, loop: asyncio.AbstractEventLoop, world: World, api: Api) -> None:
        self.loop = loop
        self.world = world
        self.api = api

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something to its end."""
        return self.loop.run_until_complete(work)

    def status(self) -> dict[str, Any]:
        """Return what the customer sees; list and single status must agree."""
        one = self.do(self.api.servers.status(ADA, str(VMID)))
        (listed,) = orjson.loads(self.do(self.api.servers.listed(ADA)))["servers"]
        assert listed["connection"] == one["connection"]
        assert listed["agentReady"] == one["ready"] == one["connection"]["agentReady"]
        return one


@pytest.fixture
def ground(settings: Settings) -> Iterator[Ground]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def build() -> tuple[World, Api]:
            others = await stack.enter_async_context(counterparts())
            theirs = settings.model_copy(update=_typed(others.settings))
            clients = build_clients(theirs, FakeAsyncRedis(server=FakeServer(), decode_responses=True))
            stack.push_async_callback(clients.close)
            world = build_world(theirs, clients, others)
            await world.created(VMID, owner=ADA.id)
            return world, build_api(theirs, clients, Hint())

        world, api = runner.run(build())
        yield Ground(runner.get_loop(), world, api)
        runner.run(stack.aclose())


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    from pydantic import SecretStr  # noqa: PLC0415 - only here

    return {**values, "proxmox_token": SecretStr(values["proxmox_token"])}


class Truth(RuleBasedStateMachine):
    """One example."""

    ground: Ground

    @initialize()
    def begin(self) -> None:
        """Everything is well, and everybody has looked."""
        world = self.ground.world
        world.scripts.manner[VMID] = "ready"
        world.cluster.ct(VMID).status = "running"
        world.edge.servers = {name: dict(row) for name, row in RIGHT.items()}
        world.edge.forgetful, world.edge.refuse = False, None
        self.ground.do(self._fresh())
        self.said: str | None = None
        self.power: str | None = None
        self.listed: Listing | None = None
        self.ping: str | None = None
        self.operating = False
        self.the_agent_is_polled()
        self.the_cluster_is_looked_at()
        self.the_edge_is_compared()
        assert self.ground.status()["connectable"]

    async def _fresh(self) -> None:
        world = self.ground.world
        await world.clients.redis.flushall()
        async with world.clients.database.transaction() as session:
            from sqlalchemy import text  # noqa: PLC0415 - only here

            await session.execute(text("update instances set payload = payload - 'proxy'"))
        await world.publishing._instances.merge_payload(VMID, "edge", {"state": "published"})

    # --- the world changes, and nobody knows yet ------------------------------------------------

    @rule(manner=st.sampled_from(["ready", "never", "lying", "unwell", "garbage", "error"]))
    def the_agent_turns(self, manner: str) -> None:
        self.ground.world.scripts.manner[VMID] = manner

    @rule(power=st.sampled_from(["running", "stopped"]))
    def the_host_turns(self, power: str) -> None:
        self.ground.world.cluster.ct(VMID).status = power

    @rule(listing=st.sampled_from(sorted(LISTINGS)), forgetful=st.booleans())
    def the_proxy_turns(self, listing: str, forgetful: bool) -> None:
        edge = self.ground.world.edge
        edge.servers = {name: dict(row) for name, row in LISTINGS[listing].items()}
        edge.forgetful = forgetful

    @rule(status=st.sampled_from([None, 500]))
    def the_proxy_goes_or_comes(self, status: int | None) -> None:
        self.ground.world.edge.refuse = status

    # --- somebody looks -------------------------------------------------------------------------

    @rule()
    def the_agent_is_polled(self) -> None:
        self.ground.do(self.ground.world.heartbeat.tick())
        self.said = self.ground.world.scripts.manner[VMID]

    @rule()
    def the_cluster_is_looked_at(self) -> None:
        self.ground.do(self.ground.world.watch.tick())
        self.power = self.ground.world.cluster.ct(VMID).status

    @rule()
    def the_edge_is_compared(self) -> None:
        edge = self.ground.world.edge
        try:
            self.ground.do(self.ground.world.reconciler.tick())
        except* ForeignError:
            assert edge.refuse is not None
        else:
            self.listed = {name: dict(row) for name, row in edge.servers.items()} or None

    @rule(
        status=st.sampled_from(["registered_with_proxy", "proxy_ping_ok", "proxy_ping_failed"]),
        address=st.sampled_from([None, IP, "10.9.9.9"]),
    )
    def the_proxy_calls(self, status: str, address: str | None) -> None:
        body = {"server_name": NAME, "status": status, "address": address}
        self.ground.do(self.ground.world.publishing.accept(body))
        if status != "registered_with_proxy" and address in {None, IP}:
            self.ping = status

    # --- the clock, and operations --------------------------------------------------------------

    @rule(key=st.sampled_from([f"agent:{VMID}", "hosts", "edge:backends"]))
    def fifteen_seconds_pass_without_a_look(self, key: str) -> None:
        """Its time to live runs out; the store does this by itself, here at once."""
        self.ground.do(self.ground.world.clients.redis.expire(key, timedelta(0)))
        if key == "hosts":
            self.power = None
        elif key == "edge:backends":
            self.listed = None
        else:
            self.said = None

    @rule(begins=st.booleans())
    def a_host_operation_begins_or_ends(self, begins: bool) -> None:
        running = self.ground.world.stores.running
        if begins:
            self.ground.do(running.claim(VMID, OPERATION))
        else:
            self.ground.do(running.release(VMID, str(OPERATION["id"])))
        self.operating = begins

    @rule(thing=st.sampled_from(["agent", "power", "unlisted", "elsewhere", "ping", "operation"]))
    def all_is_well_but_one_thing(self, thing: str) -> None:
        """Each source alone is enough to say that nobody can join."""
        world = self.ground.world
        self.the_agent_turns("ready")
        self.the_host_turns("running")
        self.the_proxy_goes_or_comes(None)
        self.the_proxy_turns("right", forgetful=True)
        self.the_proxy_calls("proxy_ping_ok", IP)
        self.everybody_looks()
        assert self.ground.status()["connectable"]
        if thing == "agent":
            self.the_agent_turns("lying")
        elif thing == "power":
            self.the_host_turns("stopped")
        elif thing in {"unlisted", "elsewhere"}:
            self.the_proxy_turns(thing, forgetful=True)
        elif thing == "ping":
            self.the_proxy_calls("proxy_ping_failed", IP)
        if thing == "operation":
            self.a_host_operation_begins_or_ends(begins=True)
        else:
            self.everybody_looks()
        assert not self.ground.status()["connectable"], thing
        world.edge.forgetful = False

    def everybody_looks(self) -> None:
        """Every source is asked once, and no host operation runs."""
        self.a_host_operation_begins_or_ends(begins=False)
        self.the_agent_is_polled()
        self.the_cluster_is_looked_at()
        self.the_edge_is_compared()

    @rule()
    def everything_settles(self) -> None:
        """All are reachable and asked: the verdict is what the world really is like."""
        world = self.ground.world
        world.edge.refuse, world.edge.forgetful = None, False
        for _ in range(2):
            self.everybody_looks()
        assert world.edge.servers.get(NAME) == RIGHT[NAME] or not world.edge.servers
        well = (self.said, self.power) == ("ready", "running") and self.ping != "proxy_ping_failed"
        status = self.ground.status()
        assert status["connectable"] is well, status["connection"]

    @invariant()
    def no_more_is_said_than_is_known(self) -> None:
        if not hasattr(self, "operating"):
            return
        status = self.ground.status()
        if status["connectable"]:
            assert self.said == "ready", self.said
            assert self.power in {"running", None}
            assert self.listed is None or self.listed.get(NAME) == RIGHT[NAME]
            assert self.ping != "proxy_ping_failed"
            assert not self.operating
        assert status["agentReady"] is (self.said == "ready")
        assert status["powerState"] == self.power
        assert status["connection"]["evidence"], "every verdict names its evidence"


@pytest.mark.seed("S16", "S26", "S40", "S41")
def test_the_status_never_says_more_than_the_evidence(ground: Ground) -> None:
    run_state_machine_as_test(
        type("Truth", (Truth,), {"ground": ground}),
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
