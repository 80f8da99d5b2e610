"""Asks every agent of this worker's shards how it is, and writes its word to Redis (contract §3.7).

Each agent has its own moment in the rhythm, so that the load is even; it is never asked twice at once. Calls
are bounded in number and time. One that is away is asked half as often; one that answers late loses its turn.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import orjson
from redis.exceptions import RedisError

from zpack.control.engine import measures
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.shards import shard_of
from zpack.control.engine.text import storable
from zpack.control.heartbeat.pulse import (
    AGENT_STATES,
    Pulse,
    outcome_of,
    state_of,
    telling,
    word_of,
    word_of_failure,
)
from zpack.control.heartbeat.readiness import decide_readiness
from zpack.control.instances import store
from zpack.control.instances.models import COUNTED
from zpack.control.outside.agent import parsed_players, parsed_status, parsed_update, parsed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from zpack.control.db.session import Database
    from zpack.control.engine.changes import Changes
    from zpack.control.heartbeat.store import AgentWords
    from zpack.control.instances.models import AgentAddress
    from zpack.control.outside.agent import Agents
    from zpack.control.outside.agent_poll import AgentPolls, Said

log = logging.getLogger("zpack.heartbeat")
AT_ONCE = 512
CALL_SECONDS = 2.0
REFRESH_SECONDS = 2.0
FLUSH_SECONDS = 0.1
FLUSH_AT = 400
SOON_SECONDS = 1.0
HEALTH, READY, STATUS = "/health", "/ready", "/status"
SLOW = {"/game/players": 10.0, "/version": 60.0, "/agent/update/status": 300.0}
"""What is asked at a slower pace, and how many seconds apart."""
OK = 200
NUL = b"\\u0000"
"""How JSON writes what PostgreSQL cannot store; orjson refuses half surrogate pairs by itself."""


class Heartbeat:
    """The poller of all agents in this worker's shards."""

    name = "heartbeat"

    def __init__(
        self,
        *,
        database: Database,
        agents: Agents,
        polls: AgentPolls,
        words: AgentWords,
        changes: Changes,
        shards: Callable[[], Collection[int]],
        every: float,
    ) -> None:
        self._database = database
        self._agents = agents
        self._polls = polls
        self._words = words
        self._changes = changes
        self._shards = shards
        self._every = every
        self._pulses: dict[int, Pulse] = {}
        self._read: tuple[frozenset[int], str | None] | None = None
        self._turns: list[tuple[float, int]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._said: list[tuple[int, bytes]] = []
        self._changed: list[Change] = []
        self.lateness: deque[float] = deque(maxlen=50_000)
        """Seconds between the moment a poll was due and its begin, of the latest polls."""

    async def run(self) -> None:
        """Poll until cancelled."""
        await self._refresh_once()
        try:
            async with asyncio.TaskGroup() as group:
                for part in (self._refresh, self._beat, self._flush):
                    group.create_task(part())
        finally:
            for task in self._running:
                task.cancel()

    async def tick(self) -> None:
        """Poll every server once and write what was said, whatever the rhythm."""
        await self._refresh_once()
        async with asyncio.TaskGroup() as group:
            for pulse in self._pulses.values():
                group.create_task(self._poll(pulse))
        await self._write()

    def states(self) -> dict[str, int]:
        """Return how many agents are how, as far as this worker polls them."""
        found = dict.fromkeys((*AGENT_STATES, "offline", "unknown", "other"), 0)
        for pulse in self._pulses.values():
            found[state_of(pulse)] += 1
        return found

    # --- whom to ask ---------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._refresh_once()

    async def _refresh_once(self) -> None:
        """Read which servers are ours to poll; when the database is away the known ones stay."""
        shards = frozenset(self._shards())
        try:
            wanted = await self._wanted(shards)
        except Exception:  # the database is away: it comes back, or our shards run out
            log.warning("the servers to poll cannot be read", exc_info=True)
            return
        if wanted is None:
            return
        for vmid in self._pulses.keys() - wanted.keys():
            self._polls.forget(self._pulses.pop(vmid).polled.ip)
        now = time.monotonic()
        for vmid, one in wanted.items():
            known = self._pulses.get(vmid)
            if known is None or known.polled != one:
                self._begin(one, now)

    async def _wanted(self, shards: frozenset[int]) -> dict[int, AgentAddress] | None:
        """Return the servers of these shards; None when they are those that were read last."""
        if not shards:
            self._read = None
            return {}
        async with self._database.reading() as session:
            read = shards, await store.mark_polled(session, shards)
            if read == self._read:
                return None
            wanted = {one.vmid: one for one in await store.list_polled(session, shards)}
        self._read = read
        return wanted

    def _begin(self, one: AgentAddress, now: float) -> None:
        """Poll a server from now on: soon, at a moment of its own."""
        known = self._pulses.get(one.vmid)
        if known is not None and known.polled.ip != one.ip:
            self._polls.forget(known.polled.ip)
        pulse = Pulse(polled=one, token=self._agents.token_for(one.vmid, one.seed), due=now)
        pulse.due += min(SOON_SECONDS, self._every) * pulse.share
        self._pulses[one.vmid] = pulse
        heapq.heappush(self._turns, (pulse.due, one.vmid))

    # --- asking --------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        while True:
            now = time.monotonic()
            while self._turns and self._turns[0][0] <= now and len(self._running) < AT_ONCE:
                due, vmid = heapq.heappop(self._turns)
                pulse = self._pulses.get(vmid)
                if pulse is not None and pulse.due == due and not pulse.busy:
                    task = asyncio.create_task(self._turn(pulse, now))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
            wait = self._turns[0][0] - now if self._turns else 0.25
            await asyncio.sleep(min(0.25, max(0.005, wait)))

    async def _turn(self, pulse: Pulse, now: float) -> None:
        """Ask one agent in its turn, unless it is somebody else's by now; then take the next turn."""
        self.lateness.append(now - pulse.due)
        measures.POLL_LATENESS.observe(max(0.0, now - pulse.due))
        pulse.busy = True
        try:
            if shard_of(pulse.polled.vmid) in self._shards():
                await self._poll(pulse)
        except Exception:  # one agent must not end the polling of all
            log.exception("polling %d failed", pulse.polled.vmid)
            pulse.failures += 1
        finally:
            pulse.busy = False
            pulse.due = pulse.next_due(self._every, time.monotonic())
            heapq.heappush(self._turns, (pulse.due, pulse.polled.vmid))

    async def _poll(self, pulse: Pulse) -> None:
        """Ask one agent and note its word."""
        began = time.monotonic()
        word = await self._word(pulse)
        measures.POLL_SECONDS.observe(time.monotonic() - began)
        measures.POLLS.labels(outcome_of(word)).inc()
        pulse.failures = 0 if word["hostOnline"] else pulse.failures + 1
        word["lastSeen"] = int(time.time() * 1000)
        if self._pulses.get(pulse.polled.vmid) is not pulse:
            return  # deleted or moved while it answered
        self._said.append((pulse.polled.vmid, orjson.dumps(word)))
        news = telling(word)
        if news != pulse.told:
            pulse.told = news
            self._changed.append(Change("server", str(pulse.polled.vmid), pulse.polled.owner))

    async def _word(self, pulse: Pulse) -> dict[str, Any]:
        slow = self._slow_questions(pulse)
        ip, token = pulse.polled.ip, pulse.token
        try:
            said = await self._polls.ask(ip, token, [HEALTH, READY, STATUS, *slow], seconds=CALL_SECONDS)
            health, ready, status = said[:3]
            if status is None and health is not None:  # one that hangs in /ready may still tell its state
                status = (await self._polls.ask(ip, token, [STATUS], seconds=CALL_SECONDS / 2))[0]
        except ForeignError as failure:
            return word_of_failure(online=False, reason=failure.message)
        if health is None or health.status != OK:
            return word_of_failure(online=False, reason="the agent's /health is not well")
        return self._answered(pulse, ready, status, dict(zip(slow, said[3:], strict=True)))

    def _answered(
        self, pulse: Pulse, ready: Said | None, status: Said | None, slow: dict[str, Said | None]
    ) -> dict[str, Any]:
        """Return the word of an agent that lives."""
        if status is None:
            return word_of_failure(online=True, reason="the agent's /status did not answer in time")
        try:
            told = parsed_status(status.status, _json(status))
        except ForeignError as failure:
            return word_of_failure(online=False, reason=failure.message)
        if ready is None:
            reason = "the agent's /ready did not answer in time"
            return word_of_failure(online=True, reason=reason, status=told)
        self._note_slow(pulse, slow)
        verdict = decide_readiness(ready.status, _json(ready), told)
        if not verdict.ready:  # nobody plays; and who plays is worth knowing as soon as it is
            pulse.slow.pop("players", None)
            pulse.slow_due.pop("/game/players", None)
        return word_of(status=told, verdict=verdict, slow=pulse.slow)

    def _slow_questions(self, pulse: Pulse) -> list[str]:
        """Return what else is due to be asked; players only of a game that has a list of them."""
        now = time.monotonic()
        due = [path for path in SLOW if pulse.slow_due.get(path, 0.0) <= now]
        return [path for path in due if path != "/game/players" or pulse.polled.game in COUNTED]

    def _note_slow(self, pulse: Pulse, said: dict[str, Said | None]) -> None:
        for path, answer in said.items():
            if answer is None:
                continue
            pulse.slow_due[path] = time.monotonic() + SLOW[path]
            if answer.status == OK:
                pulse.slow |= PARSED[path](_json(answer))

    # --- telling -------------------------------------------------------------------------------------

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._write()

    async def _write(self) -> None:
        """Write what was said, then tell what changed: whoever is told must find it written."""
        said, self._said = self._said, []
        changed, self._changed = self._changed, []
        try:
            for start in range(0, len(said), FLUSH_AT):
                await self._words.put_many(said[start : start + FLUSH_AT])
        except (RedisError, OSError) as failure:
            log.warning("agents' words cannot be kept: %s", type(failure).__name__)
        await self._changes.tell_all(changed)


def _players(body: Any) -> dict[str, Any]:
    return {"players": parsed_players(body)}


PARSED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "/game/players": _players,
    "/version": parsed_version,
    "/agent/update/status": parsed_update,
}


def _json(said: Said) -> Any:
    try:
        body = orjson.loads(said.body)
    except ValueError:
        return None
    return storable(body) if NUL in said.body else body
