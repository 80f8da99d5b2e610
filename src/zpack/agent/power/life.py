"""One life of the workload: from its start, over crashes and restarts, to a wanted stop or giving up."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.power.crash import Crash, classify
from zpack.agent.power.lock import now
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.memory import oom_kills
from zpack.agent.status.ping import PingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.agent.console.ring import ConsoleRing
    from zpack.agent.games.engine import Stop
    from zpack.agent.power.backoff import Backoff
    from zpack.agent.runtime.process import Exit, Process
    from zpack.agent.status.ping import Answer
    from zpack.agent.status.readiness import Readiness
    from zpack.wire.agent import AgentState

TAIL_LINES = 40
TAIL_WIDTH = 500
EAGER_SECONDS = 0.1
"""Pause before the second ping of a start; it grows to a second, or to the pause of a running server."""
log = logging.getLogger(__name__)


@dataclass
class Condition:
    """What ``/status`` tells of the workload."""

    state: AgentState = "idle"
    error: str | None = None
    install_step: str | None = None

    def become(self, state: AgentState, error: str | None = None) -> None:
        """Change the state; an error is told only as long as it is one."""
        self.state, self.error, self.install_step = state, error, None


@dataclass(frozen=True)
class Means:
    """How this workload is started, asked and ended, and how long that may take."""

    begin: Callable[[], Awaitable[Process]]
    """Starts it. The first time it may return the one that an earlier agent left running."""
    ask: Callable[[], Awaitable[Answer]]
    sweep: Callable[[], Awaitable[object]]
    """Ends whatever the workload left running."""
    crashed: Callable[[Crash], None]
    stop: Stop
    stop_seconds: float
    ready_seconds: float
    ping_seconds: float


class Life:
    """Runs in one task; every start in it, the first and any after a crash, goes the same way."""

    def __init__(
        self, *, means: Means, backoff: Backoff, condition: Condition, readiness: Readiness, ring: ConsoleRing
    ) -> None:
        self._means = means
        self._backoff = backoff
        self._condition = condition
        self._readiness = readiness
        self._ring = ring
        self._stopping = False
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self.settled = asyncio.Event()
        """Set when the start has an outcome: ready, crashed, failed or stopped."""
        self.process: Process | None = None

    async def run(self) -> None:
        """Live. Never raises but for cancellation, which kills the workload."""
        try:
            while not self._stopping:
                crash = await self._run_once()
                if crash is None or not await self._pause(crash):
                    break
        except WorkloadError as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(f"cannot start the server: {error.strerror or error}")
        except Exception:
            log.exception("the supervision failed")
            self._fail("the agent's supervision failed; its log has the details")
        finally:
            self.settled.set()

    async def stop(self) -> None:
        """Ask the server to end, kill it when it does not; its end is no crash."""
        self._stopping = True
        self._wake.set()
        if self.process is not None:
            self._condition.become("stopping")
            self._readiness.down("the server is stopping")
            await self._end(self.process)

    def hurry(self) -> None:
        """Start now instead of at the end of the pause, and count crashes anew."""
        self._backoff.reset()
        self._wake.set()

    async def _run_once(self) -> Crash | None:
        """Run once; return the crash, or ``None`` when that was the end."""
        self._condition.become("starting")
        self._readiness.down("the server is starting")
        self._ended.clear()
        process = self.process = await self._means.begin()
        began = process.began
        waiting = asyncio.create_task(process.wait(), name="workload's end")
        waiting.add_done_callback(lambda _: self._ended.set())
        asking = asyncio.create_task(self._keep_asking(), name="workload's readiness")
        try:
            if self._stopping:  # a stop came while the process was being made
                await self._end(process)
            await asyncio.wait({waiting, asking}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done() and not self._stopping:
                reason = asking.result()
                await self._end(process)
                self._fail(reason)
                return None
            ended = await waiting
        finally:
            asking.cancel()
            process.signal("SIGKILL")  # nothing when it has ended
            await asyncio.wait({asking, waiting})
            await self._means.sweep()
            self.process = None
        if self._stopping:
            return None
        uptime, oom = time.monotonic() - began.at, oom_kills() > began.oom_kills
        return self._crashed(ended, uptime=uptime, mark=began.line, oom=oom)

    async def _keep_asking(self) -> str:
        """Ping for ever; return only when a start took too long, with the reason."""
        deadline = time.monotonic() + self._means.ready_seconds
        pause = min(EAGER_SECONDS, self._means.ping_seconds)
        while True:
            starting = self._condition.state == "starting"
            try:
                answer = await self._means.ask()
            except PingError as error:
                self._readiness.missed(str(error))
                if starting and time.monotonic() > deadline:
                    return f"the server was not ready within {self._means.ready_seconds:g} s: {error}"
            else:
                self._answered(answer)
            running = self._condition.state == "running"
            pause = self._means.ping_seconds if running else min(1.0, pause * 1.3, self._means.ping_seconds)
            await asyncio.sleep(pause)

    def _answered(self, answer: Answer) -> None:
        if self._stopping:
            return
        self._readiness.pinged(answer, at=now())
        if self._condition.state == "starting":
            self._condition.become("running")
            self.settled.set()

    def _crashed(self, ended: Exit, *, uptime: float, mark: int, oom: bool) -> Crash:
        tail = self._ring.tail(since=mark, lines=TAIL_LINES, width=TAIL_WIDTH)
        crash = Crash(
            time=now(),
            exit_code=ended.code,
            signal=ended.signal,
            uptime_seconds=int(uptime),
            log_tail=tail,
            classification=classify(ended, tail, oom_killed=oom),
        )
        self._uptime = uptime
        self._means.crashed(crash)
        self._readiness.down(str(crash))
        log.warning("%s", crash)
        return crash

    async def _pause(self, crash: Crash) -> bool:
        """Wait before the next start; false when there is none."""
        self._wake.clear()
        seconds = self._backoff.after(self._uptime)
        if seconds is None:
            self._fail(f"given up after {self._backoff.used + 1} crashes in a row: {crash}")
            return False
        self._condition.become("crashed", f"{crash}; next start in {seconds:g} s")
        self._ring.append(f"[zpack] {crash}; next start in {seconds:g} s")
        self.settled.set()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        return not self._stopping

    def _fail(self, reason: str) -> None:
        self._condition.become("error", reason)
        self._readiness.down(reason)
        self._ring.append(f"[zpack] {reason}")
        log.error("%s", reason)

    async def _end(self, process: Process) -> None:
        stop = self._means.stop
        try:
            if stop.command:
                process.write_line(stop.command)
            else:
                process.signal(stop.signal)
        except WorkloadError:  # it closed its console
            process.signal(stop.signal)
        try:
            async with asyncio.timeout(min(stop.grace_seconds, self._means.stop_seconds)):
                await self._ended.wait()
        except TimeoutError:
            self._ring.append("[zpack] the server did not stop in time and was killed")
            process.signal("SIGKILL")
            await self._ended.wait()
