"""Looks at who uses what, stops what nobody uses, and tells the edge which servers sleep.

It reads the whole intent, looks, does one thing per server and comes round again. A stop and the reason for
it are one transaction, so that a crash in between repeats nothing.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import ForeignError
from zpack.control.idle import store
from zpack.control.idle.actions import ACTOR
from zpack.control.idle.models import Judged, Use
from zpack.control.idle.resolve import has_woken, judge, rule_of, stopped_because, wake_failed
from zpack.control.instances import store as instances
from zpack.control.power.store import HostBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.engine.changes import Changes
    from zpack.control.heartbeat.activity import Activities
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.hosts.store import HostStates
    from zpack.control.idle.models import Watched
    from zpack.control.outside.agent import Agents
    from zpack.control.power.actions import Power
    from zpack.control.publishing.actions import Publishing

log = logging.getLogger("zpack.idle")
AT_ONCE = 8
KEPT_SECONDS = 60.0
"""While a server is in use, the moment is written this often; what a crash loses is no more."""


class NotIdle(Exception):
    """Something was said or done about the server since it was judged."""


@dataclass
class Memory:
    """What one worker saw of a server lately; without it nothing is stopped."""

    used: Use | None = None
    quiet_since: datetime | None = None


@dataclass(frozen=True)
class Sight:
    """What a look found."""

    words: Mapping[int, dict[str, Any] | None]
    noted: Mapping[int, Use]
    running: frozenset[int]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


class IdleReconciler:
    """Judges every watched server; only the worker that is ``alone`` does it."""

    def __init__(
        self,
        *,
        database: Database,
        power: Power,
        publishing: Publishing,
        agents: Agents,
        words: AgentWords,
        hosts: HostStates,
        activities: Activities,
        changes: Changes,
        alone: Callable[[], bool],
        billing: bool,
        default_plan: str,
        grace: timedelta,
    ) -> None:
        self._database = database
        self._power = power
        self._publishing = publishing
        self._agents = agents
        self._words = words
        self._hosts = hosts
        self._activities = activities
        self._changes = changes
        self._alone = alone
        self._billing = billing
        self._default_plan = default_plan
        self._grace = grace
        self._memory: dict[int, Memory] = {}

    async def tick(self) -> None:
        """Close the gap once. Raises ForeignError when the edge is away."""
        if not self._alone():
            self._memory.clear()
            return
        servers = await self._watched()
        self._memory = {s.vmid: self._memory.get(s.vmid, Memory()) for s in servers}
        if not servers:
            return
        sight = await self._look(servers)
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for server in servers:
                group.create_task(self._settle(server, sight, gate))
        await self._settle_edge(await self._watched())

    async def _watched(self) -> list[Watched]:
        async with self._database.reading() as session:
            return await store.list_watched(session, billing=self._billing, default_plan=self._default_plan)

    async def _look(self, servers: Sequence[Watched]) -> Sight:
        vmids = [server.vmid for server in servers]
        return Sight(
            words=await self._words.get_many(vmids),
            noted={vmid: Use(*found) for vmid, found in (await self._activities.get_many(vmids)).items()},
            running=frozenset(await self._hosts.running(vmids)),
        )

    async def _settle(self, server: Watched, sight: Sight, gate: asyncio.Semaphore) -> None:
        async with gate:
            try:
                if server.asleep_since is not None:
                    await self._settle_sleeper(server, sight)
                elif rule_of(server.plan, server.enabled, server.minutes).enabled:
                    await self._settle_awake(server, sight)
                elif server.stops_at is not None or server.reason is not None:
                    await self._write(server, stops_at=None, reason=None)
            except (HostBusy, NotIdle):
                log.info("CT %s is in use after all; later", server.vmid)
            except ForeignError as failure:
                log.warning("CT %s: %s", server.vmid, failure.message)

    # --- one that runs

    async def _settle_awake(self, server: Watched, sight: Sight) -> None:
        """Judge a server that runs; nothing is known of one that does not."""
        memory = self._memory[server.vmid]
        if server.vmid not in sight.running:
            memory.quiet_since = None
            if server.stops_at is not None or server.reason is not None:
                await self._write(server, stops_at=None, reason=None)
            return
        judged = self._judged(server, sight, memory)
        await self._remember(server, judged, sight.now)
        if judged.stop and not await self._is_used(server):
            await self._stop(server, judged)

    def _judged(self, server: Watched, sight: Sight, memory: Memory) -> Judged:
        signs = [use for use in (memory.used, sight.noted.get(server.vmid)) if use is not None]
        judged = judge(
            server,
            rule_of(server.plan, server.enabled, server.minutes),
            sight.words.get(server.vmid),
            noted=max(signs, key=lambda use: use.at, default=None),
            quiet_since=memory.quiet_since,
            grace=self._grace,
            now=sight.now,
        )
        if judged.quiet:
            memory.quiet_since = memory.quiet_since or sight.now
        else:
            memory.quiet_since, memory.used = None, Use(judged.active_at, judged.activity)
        return judged

    async def _remember(self, server: Watched, judged: Judged, now: datetime) -> None:
        """Write what clients see of it, seldom while only the moment of use moves on."""
        same = (server.stops_at, server.reason) == (judged.stops_at, judged.reason)
        old = server.active_at is None or (now - server.active_at).total_seconds() > KEPT_SECONDS
        if same and not (old and server.active_at != judged.active_at):
            return
        facts = {"active_at": judged.active_at, "activity": judged.activity}
        await self._write(server, stops_at=judged.stops_at, reason=judged.reason, **facts)

    async def _is_used(self, server: Watched) -> bool:
        """Ask a game once more who plays: the last word may be older than a player."""
        word = (await self._words.get_many([server.vmid]))[server.vmid] or {}
        if server.ctype == "dev" or word.get("ready") is not True:
            return False
        token = self._agents.token_for(server.vmid, server.seed)
        players = await self._agents.players(server.ip or "", token)
        return players is None or players["online"] != 0

    async def _stop(self, server: Watched, judged: Judged) -> None:
        async with self._database.reading() as session:
            row = await instances.find(session, server.vmid)
        if row is None:
            return
        reason = stopped_because(server, judged)
        facts = {"active_at": judged.active_at, "activity": judged.activity, "enabled": server.enabled}

        async def also(session: AsyncSession, operation_id: str) -> None:
            if not await store.note_sleep(
                session, server.vmid, reason=reason, operation_id=operation_id, **facts
            ):
                raise NotIdle
            since = judged.active_at.isoformat()
            record(session, "idle.stop", actor=ACTOR, vmid=server.vmid, since=since, reason=reason)

        log.warning("CT %s of %s: %s", server.vmid, server.owner, reason)
        request_id = f"idle_{secrets.token_hex(8)}"
        await self._power.begin(row, "stop", actor=ACTOR, request_id=request_id, also=also)
        self._memory[server.vmid] = Memory()

    # --- one that sleeps

    async def _settle_sleeper(self, server: Watched, sight: Sight) -> None:
        word, running = sight.words.get(server.vmid), server.vmid in sight.running
        if has_woken(server, word, running=running):
            if (
                server.sleeping and server.published and not server.suspended
            ):  # before anybody reads that it is up
                await self._at_edge(server, asleep=False)
            values: dict[str, Any] = dict.fromkeys(("asleep_since", "woken_at", "stops_at", "reason"))
            if server.woken_at is not None:
                values["wake_seconds"] = (sight.now - server.woken_at).total_seconds()
            await self._write(server, **values)
        elif wake_failed(server, sight.now):
            log.warning("CT %s did not come up after it was woken", server.vmid)
            await self._write(server, woken_at=None)

    async def _settle_edge(self, servers: Sequence[Watched]) -> None:
        """Have the edge answer for those that sleep, and for no others."""
        wanted = {s.vmid: _sleeps_at_edge(s) for s in servers if s.published and not s.suspended}
        concerned = [s for s in servers if s.vmid in wanted and (wanted[s.vmid] or s.sleeping)]
        if concerned:
            told = await self._publishing.sleepers()
            for server in concerned:
                asleep = wanted[server.vmid]
                wrong = told is not None and (server.hostname in told) != asleep
                if server.sleeping != asleep or wrong:
                    await self._at_edge(server, asleep=asleep)

    async def _at_edge(self, server: Watched, *, asleep: bool) -> None:
        place = {"hostname": server.hostname, "ip": server.ip or ""}
        await self._publishing.set_asleep(server.vmid, **place, asleep=asleep)

    async def _write(self, server: Watched, **values: Any) -> None:
        async with self._database.transaction() as session:
            await store.put(session, server.vmid, **values)
        await self._changes.tell(Change("server", str(server.vmid), server.owner))


def _sleeps_at_edge(server: Watched) -> bool:
    return server.asleep_since is not None and server.wake and server.ip is not None
