"""The workload of this container: what may be done with it, and what it is doing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from zpack.agent.power.backoff import Backoff
from zpack.agent.power.crash import CrashRecord
from zpack.agent.power.life import Condition, Life, Means
from zpack.agent.problems import WRONG_TYPE, Conflict, Invalid, NotReady, Refusal, WorkloadError
from zpack.agent.status.luanti import ping_luanti
from zpack.agent.status.ping import ping
from zpack.agent.status.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine

    from zpack.agent.config.payload import Payload
    from zpack.agent.config.store import ConfigStore
    from zpack.agent.console.ring import ConsoleRing
    from zpack.agent.games.engine import Engine
    from zpack.agent.install.installer import Installed, Installer
    from zpack.agent.install.server import ServerFolder
    from zpack.agent.power.crash import Crash
    from zpack.agent.power.lock import Operation, OperationLock
    from zpack.agent.runtime.process import Launcher, Process
    from zpack.agent.settings import Address, Supervision
    from zpack.agent.status.ping import Answer
    from zpack.wire.agent import AgentState

PING_SECONDS = 3.0
PROBES = {"minecraft_ping": ping, "luanti_ping": ping_luanti}
STARTS = frozenset({"config", "start", "restart", "autostart"})
log = logging.getLogger(__name__)


class Workload:
    """One game server, its operations and its record. Used from one event loop only."""

    def __init__(
        self,
        *,
        configs: ConfigStore,
        engines: dict[tuple[str, str], Engine],
        installer: Installer,
        servers: ServerFolder,
        launcher: Launcher,
        ring: ConsoleRing,
        lock: OperationLock,
        supervision: Supervision,
        address: Address,
        sweep: Callable[[Collection[int]], Awaitable[object]],
    ) -> None:
        self._configs = configs
        self._engines = engines
        self._installer = installer
        self._servers = servers
        self._launcher = launcher
        self._ring = ring
        self._lock = lock
        self._supervision = supervision
        self._address = address
        self._sweep = sweep
        self._operations: set[asyncio.Task[None]] = set()
        self._life: Life | None = None
        self._living: asyncio.Task[None] | None = None
        self.condition = Condition()
        self.readiness = Readiness()
        self.crashes = CrashRecord.from_json(configs.crash)

    @property
    def process(self) -> Process | None:
        """The running process, if there is one."""
        return self._life.process if self._life else None

    @property
    def _alive(self) -> bool:
        return self._living is not None and not self._living.done()

    async def resume(self) -> None:
        """Take up the workload that an earlier agent left, end what else it left, and start what should run.

        Called once, first.
        """
        payload = self._configs.payload
        wanted = payload if self._configs.desired_running else None
        engine = self._engines.get((wanted.game, wanted.variant)) if wanted else None
        if wanted is None or engine is None:
            await self._sweep(())
            if wanted is not None:
                self.condition.become("error", f"this agent has no engine {wanted.game}/{wanted.variant}")
            return
        kept = await self._launcher.find(wanted.digest())
        await self._sweep({kept.keeper} if kept else ())
        operation = self._lock.begin("autostart")
        self._begin(operation, self._start(operation, wanted, engine, kept=kept))
        if kept and self._life is None:
            await asyncio.sleep(0)  # the operation begins
        if kept and self._life:
            with contextlib.suppress(TimeoutError):  # so that a server that serves was never seen not to
                async with asyncio.timeout(PING_SECONDS):
                    await self._life.settled.wait()

    def configure(self, payload: Payload) -> AgentState:
        """Save a payload, install and start it. The same one again changes nothing while it is at work.

        Raises :class:`Invalid` for an unknown engine, :class:`Conflict` during another operation and for the
        payload of another container.
        """
        engine = self._engine(payload)
        if len(payload.ports) < len(engine.ports):
            msg = f"{engine.name} needs ports for {', '.join(engine.ports)}"
            raise Invalid(msg, code="invalid_payload")
        saved = self._configs.payload
        if saved is not None and saved.vmid != payload.vmid:
            raise Conflict(f"this is the agent of {saved.vmid} and of no other", code="identity_fixed")
        same = saved is not None and saved.as_json() == payload.as_json()
        current = self._lock.current
        at_work = current.kind in STARTS if current else self._alive and self.condition.state != "crashed"
        if same and at_work:
            self._configs.save(payload)  # it may bring a new token
            return self.condition.state
        operation = self._lock.begin("config")
        try:
            self._configs.save(payload)
            if not same:
                self.crashes = CrashRecord()
            self._configs.remember(desired_running=True, crash=self.crashes.as_json())
        except OSError:
            self._lock.end(operation)
            raise
        self.condition.become("installing")
        self._begin(operation, self._provision(operation, payload, engine))
        return self.condition.state

    def start(self) -> AgentState:
        """Start; nothing when it runs, at once when it pauses after a crash. Raises :class:`Conflict`."""
        payload, engine = self.configured()
        current = self._lock.current
        if self._life and self._alive and (current is None or current.kind in STARTS):
            self._wish(running=True)
            self._life.hurry()
            return "running" if self.condition.state == "running" else "starting"
        operation = self._lock.begin("start")
        self._wish(running=True)
        self.condition.become("starting")
        self._begin(operation, self._start(operation, payload, engine))
        return "starting"

    def restart(self) -> AgentState:
        """Stop, then start. Raises :class:`Conflict`."""
        payload, engine = self.configured()
        operation = self._lock.begin("restart")
        self._wish(running=True)
        self._begin(operation, self._restart(operation, payload, engine))
        return "starting"

    async def stop(self) -> None:
        """Stop and wait for the end; not a crash. Raises :class:`Conflict`, :class:`Invalid`."""
        await asyncio.shield(self._begin_stop())

    def type(self, command: str) -> None:
        """Type a command at the server's console. Raises :class:`NotReady`, :class:`Conflict`."""
        process = self.process
        if process is None or self.condition.state == "stopping":
            raise NotReady("the server is not running")
        engine = self._engine(self._configs.payload)
        self._ring.append(f"> {command}")
        if command.strip().lstrip("/") in engine.stop.words:
            self._begin_stop()
            return
        try:
            process.write_line(command)
        except WorkloadError as error:
            raise NotReady(str(error)) from error

    async def ask(self) -> Answer:
        """Ask the server for its status now. Raises ``PingError``."""
        payload = self._configs.payload
        port = payload.ports[0] if payload else 0
        probe = PROBES[self._engine(payload).ready.probe]
        return await probe(self._address.probe_host, port, seconds=PING_SECONDS)

    async def close(self) -> None:
        """Stop the workload with the agent; that it should run is not forgotten."""
        for task in self._operations:
            task.cancel()
        if self._life:
            await self._life.stop()
        left = {*self._operations, *([self._living] if self._living else [])}
        if left:
            await asyncio.wait(left)
        await self._sweep(())
        await self._launcher.close()

    def resize(self, columns: int, rows: int) -> None:
        """Tell the server how large its terminal is; nothing when it does not run."""
        if self.process:
            self.process.resize(columns, rows)

    def begin(self, kind: str, work: Callable[[Operation], Coroutine[None, None, None]]) -> None:
        """Begin another room's operation, which sees to its own failures. Raises :class:`Conflict`."""
        operation = self._lock.begin(kind)
        self._begin(operation, work(operation))

    async def while_stopped(self, operation: Operation, work: Callable[[], Awaitable[None]]) -> None:
        """Stop the server, do ``work``, and start it again by the path of every start, if it should run.

        A refusal of ``work`` is raised when the server is back. After an ``OSError`` nobody knows what its
        files are like: it is not started.
        """
        payload, engine = self.configured()
        running, refusal = self._configs.desired_running, None
        await self._stop()
        try:
            await work()
        except Refusal as error:
            refusal = error
        if running:
            self.condition.become("starting")
            await self._start(operation, payload, engine)
        if refusal:
            raise refusal

    def kill(self) -> None:
        """Kill the workload at once, for those who cannot wait for :meth:`close`."""
        if self.process:
            self.process.signal("SIGKILL")

    def _refuse_dev(self) -> None:
        if self._configs.dev is not None:
            raise Invalid("this is a dev container: it has no game", code=WRONG_TYPE)

    def _begin_stop(self) -> asyncio.Task[None]:
        self._refuse_dev()
        operation = self._lock.begin("stop")
        self._wish(running=False)
        return self._begin(operation, self._stop())

    def _wish(self, *, running: bool) -> None:
        try:
            self._configs.remember(desired_running=running)
        except OSError as error:  # a full disk must not keep anybody from stopping a server
            log.warning("the intent cannot be saved: %s", error)

    def _engine(self, payload: Payload | None) -> Engine:
        engine = self._engines.get((payload.game, payload.variant)) if payload else None
        if payload is None or engine is None:
            what = f"{payload.game}/{payload.variant}" if payload else "nothing"
            msg = f"this agent has no engine for {what}"
            raise Invalid(msg, code="unsupported")
        return engine

    def configured(self) -> tuple[Payload, Engine]:
        """Return what this server is. Raises :class:`Conflict` before the first configuration."""
        payload = self._configs.payload
        self._refuse_dev()
        if payload is None:
            raise Conflict("nothing was configured yet", code="not_configured")
        return payload, self._engine(payload)

    def _begin(self, operation: Operation, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._operate(operation, work), name=operation.kind)
        self._operations.add(task)
        task.add_done_callback(self._operations.discard)
        return task

    async def _operate(self, operation: Operation, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except (WorkloadError, Refusal, OSError) as error:
            self._failed(str(error))
        except Exception:
            log.exception("%s failed", operation.kind)
            self._failed(f"{operation.kind} failed in the agent; its log has the details")
        finally:
            self._lock.end(operation)

    def _failed(self, reason: str) -> None:
        log.error("%s", reason)
        self.condition.become("error", reason)
        self.readiness.down(reason)
        self._ring.append(f"[zpack] {reason}")

    async def _provision(self, operation: Operation, payload: Payload, engine: Engine) -> None:
        await self._end_life()
        installed = await self._install(operation, payload, engine)
        await self._live(operation, payload, engine, installed=installed)

    async def _start(
        self, operation: Operation, payload: Payload, engine: Engine, *, kept: Process | None = None
    ) -> None:
        installed = self._installer.installed(payload, engine)
        if installed is None:  # an installation was interrupted: finish it
            installed = await self._install(operation, payload, engine)
        await self._live(operation, payload, engine, installed=installed, kept=kept)

    async def _restart(self, operation: Operation, payload: Payload, engine: Engine) -> None:
        await self._end_life()
        await self._start(operation, payload, engine)

    async def _stop(self) -> None:
        await self._end_life()
        self.condition.become("idle")
        self.readiness.down("the server is stopped")

    async def _install(self, operation: Operation, payload: Payload, engine: Engine) -> Installed:
        self.condition.become("installing")
        self.readiness.down("the server is being installed")

        def report(step: str) -> None:
            operation.message = self.condition.install_step = step

        return await self._installer.install(payload, engine, report=report, on_line=self._ring.append)

    async def _live(
        self,
        operation: Operation,
        payload: Payload,
        engine: Engine,
        *,
        installed: Installed,
        kept: Process | None = None,
    ) -> None:
        found = [kept] if kept else []

        async def begin() -> Process:
            if found:
                return found.pop()
            self._servers.prepare(payload, engine)
            await asyncio.to_thread(self._servers.hand_over, payload)
            command = self._servers.start_command(payload, engine, program=installed.program)
            return await self._launcher.launch(command, label=payload.digest())

        async def sweep() -> None:
            await self._sweep(())

        self.readiness.source = engine.ready.probe
        supervision = self._supervision
        means = Means(
            begin=begin,
            ask=self.ask,
            sweep=sweep,
            crashed=self._crashed,
            stop=engine.stop,
            stop_seconds=supervision.stop_seconds,
            ready_seconds=supervision.ready_seconds or engine.ready.timeout_seconds,
            ping_seconds=supervision.ping_seconds,
        )
        backoff = Backoff(seconds=supervision.backoff_seconds, stable_seconds=supervision.stable_seconds)
        self._life = Life(
            means=means,
            backoff=backoff,
            condition=self.condition,
            readiness=self.readiness,
            ring=self._ring,
        )
        self._living = asyncio.create_task(self._life.run(), name="workload")
        operation.waiting, operation.message = True, "waiting until the server is ready"
        await self._life.settled.wait()

    async def _end_life(self) -> None:
        if self._life and self._living:
            await self._life.stop()
            await asyncio.wait({self._living})
        self._life = self._living = None

    def _crashed(self, crash: Crash) -> None:
        self.crashes.add(crash)
        with contextlib.suppress(OSError):  # a full disk must not keep the server from its restart
            self._configs.remember(crash=self.crashes.as_json())
