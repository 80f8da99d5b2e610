"""The dev container of this agent: provisioned once, then a runtime, a workspace, and the IDE's power."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.dev.errors import ProvisioningError, code_of
from zpack.agent.power.crash import CrashRecord
from zpack.agent.power.life import Condition
from zpack.agent.power.lock import now
from zpack.agent.problems import WRONG_TYPE, Conflict, Invalid, WorkloadError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from zpack.agent.config.payload import DevPayload
    from zpack.agent.config.store import ConfigStore
    from zpack.agent.dev.codeserver import CodeServer
    from zpack.agent.dev.runtimes import DevRuntimes
    from zpack.agent.dev.workspace import Workspace
    from zpack.agent.install.artifacts import Artifacts
    from zpack.agent.install.folders import Unpacker
    from zpack.agent.power.lock import Operation, OperationLock
    from zpack.agent.settings import Store
    from zpack.wire.agent import AgentState, Ready

PROVISIONS = frozenset({"config", "autostart"})
STARTS = frozenset({"codeserver-start", "codeserver-restart", *PROVISIONS})
log = logging.getLogger(__name__)


@dataclass
class Provisioning:
    """How far it is; a failure is told until the next try."""

    complete_at: str | None = None
    error: str | None = None
    code: str | None = None


class DevContainer:
    """Nothing happens here in a game container. Used from one event loop only."""

    def __init__(
        self,
        *,
        configs: ConfigStore,
        lock: OperationLock,
        store: Store,
        artifacts: Artifacts,
        unpacker: Unpacker,
        runtimes: DevRuntimes,
        workspace: Workspace,
        codeserver: CodeServer,
    ) -> None:
        self._configs = configs
        self._lock = lock
        self._store = store
        self._artifacts = artifacts
        self._unpacker = unpacker
        self.runtimes = runtimes
        self.workspace = workspace
        self._operations: set[asyncio.Task[None]] = set()
        self.codeserver = codeserver
        self.condition = Condition()
        self.provisioning = Provisioning()

    @property
    def keeper(self) -> int | None:
        """The process that holds an IDE which was found; whoever sweeps must spare it."""
        return self.codeserver.keeper

    async def find(self) -> None:
        """Take up the IDE that an earlier agent left. Called once, first of all."""
        payload = self._configs.dev
        if payload is not None:
            await self.codeserver.find(payload)

    async def resume(self) -> None:
        """Bring back what an earlier agent had. Called once, after :meth:`find`, before any request."""
        payload = self._configs.dev
        if payload is not None:
            operation = self._lock.begin("autostart")
            self._begin(operation, self._resume(operation, payload))

    def configure(self, payload: DevPayload) -> AgentState:
        """Save a payload and provision it. The same one again changes nothing while all is well.

        Raises :class:`Conflict` during another operation, and in a game container.
        """
        saved, current = self._configs.dev, self._lock.current
        if saved is not None and saved.as_json() == payload.as_json() and self._at_work(payload, current):
            self._configs.save(payload)  # it may bring a new token
            return self.condition.state
        operation = self._lock.begin("config")
        try:
            self._configs.save(payload)
            self.codeserver.crashes = CrashRecord()
            crash = self.codeserver.crashes.as_json()
            self._configs.remember(desired_running=payload.wants_code_server, crash=crash)
        except BaseException:
            self._lock.end(operation)
            raise
        self.provisioning = Provisioning()
        self.condition.become("installing")
        self._begin(operation, self._provision(operation, payload))
        return self.condition.state

    def ready(self) -> Ready:
        """Return the body of ``/ready``: the runtime is there, and so is the IDE that was asked for."""
        payload, at = self._configs.dev, self.provisioning.complete_at
        if payload is None or at is None:
            error = self.provisioning.error or "the container is being provisioned"
            return {"ready": False, "readyError": error}
        if not self.runtimes.installed(payload):
            return {"ready": False, "readyError": f"{payload.runtime} {payload.version} is gone"}
        if payload.wants_code_server:
            return self.codeserver.readiness.as_json()
        return {"ready": True, "readySource": "runtime", "lastReadyAt": at}

    def start(self) -> AgentState:
        """Start the IDE; nothing when it runs. Never installs it. Raises :class:`Conflict`."""
        payload, current = self._configured(), self._lock.current
        if self.codeserver.alive and (current is None or current.kind in STARTS):
            self._wish(running=True)
            self.codeserver.hurry()
            return "running" if self.codeserver.condition.state == "running" else "starting"
        operation = self._begin_on_ide("codeserver-start")
        self._wish(running=True)
        self._begin(operation, self._bring_up(operation, payload))
        return "starting"

    def restart(self) -> AgentState:
        """Stop the IDE and start it. Raises :class:`Conflict`."""
        payload = self._configured()
        operation = self._begin_on_ide("codeserver-restart")
        self._wish(running=True)
        self._begin(operation, self._restart(operation, payload))
        return "starting"

    async def stop(self) -> AgentState:
        """Stop the IDE and wait for its end. Raises :class:`Conflict`."""
        self._configured()
        operation = self._begin_on_ide("codeserver-stop")
        self._wish(running=False)
        await asyncio.shield(self._begin(operation, self.codeserver.stop()))
        return self.codeserver.condition.state

    async def close(self) -> None:
        """End the IDE with the agent; that it should run is not forgotten."""
        for task in self._operations:
            task.cancel()
        if self._operations:
            await asyncio.wait(self._operations)
        await self.codeserver.close()

    def environment(self) -> dict[str, str]:
        """Return what a developer's programs find around them. Raises :class:`Conflict`, :class:`Invalid`."""
        payload = self._configured()
        return self.workspace.environment(payload, programs=self.runtimes.programs(payload))

    def check_type(self) -> None:
        """Refuse when this is no dev container. Raises :class:`Invalid`, :class:`Conflict`."""
        self._configured()

    def _at_work(self, payload: DevPayload, current: Operation | None) -> bool:
        if current is not None:
            return current.kind in PROVISIONS
        well = self.provisioning.complete_at is not None
        return well and (self.codeserver.alive or not payload.wants_code_server)

    def _configured(self) -> DevPayload:
        payload = self._configs.dev
        if payload is not None:
            return payload
        if self._configs.saved is not None:
            raise Invalid("this is a game container: it has no IDE", code=WRONG_TYPE)
        raise Conflict("nothing was configured yet", code="not_configured")

    def _begin_on_ide(self, kind: str) -> Operation:
        operation = self._lock.begin(kind)
        if not self.codeserver.installed:
            self._lock.end(operation)
            raise Conflict("code-server is not installed here", code="codeserver_not_installed")
        return operation

    def _wish(self, *, running: bool) -> None:
        try:
            self._configs.remember(desired_running=running)
        except OSError as error:  # a full disk must not keep anybody from stopping it
            log.warning("the intent cannot be saved: %s", error)

    def _begin(self, operation: Operation, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._operate(operation, work), name=operation.kind)
        self._operations.add(task)
        task.add_done_callback(self._operations.discard)
        return task

    async def _operate(self, operation: Operation, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except (WorkloadError, OSError) as error:
            self._failed(operation, str(error), code_of(error))
        except Exception as error:
            log.exception("%s failed", operation.kind)
            reason = f"{operation.kind} failed in the agent; its log has the details"
            self._failed(operation, reason, code_of(error))
        finally:
            self._lock.end(operation)

    def _failed(self, operation: Operation, reason: str, code: str) -> None:
        log.error("%s: %s", operation.kind, reason)
        if operation.kind in PROVISIONS:
            self.provisioning = Provisioning(error=reason, code=code)
            self.condition.become("error", reason)

    async def _resume(self, operation: Operation, payload: DevPayload) -> None:
        whole = self.runtimes.installed(payload)
        if not whole or (payload.wants_code_server and not self.codeserver.installed):
            await self._provision(operation, payload)  # an installation was interrupted: finish it
            return
        if self._configs.desired_running:
            await self._bring_up(operation, payload)
            self._check_verified()
        else:
            await self.codeserver.stop()
        self._completed()

    async def _provision(self, operation: Operation, payload: DevPayload) -> None:
        self.condition.become("installing")
        try:
            async with asyncio.timeout(self._store.install_seconds):
                await self._install(operation, payload)
        except TimeoutError:
            msg = f"the installation did not finish within {self._store.install_seconds:.0f} s"
            raise WorkloadError(msg) from None
        if payload.wants_code_server:
            self.condition.become("starting")
            await self._restart(operation, payload)
            self._check_verified()
        else:
            await self.codeserver.stop()
        self._completed()

    async def _install(self, operation: Operation, payload: DevPayload) -> None:
        def report(step: str) -> None:
            operation.message = self.condition.install_step = step

        self._unpacker.clean()
        report("checksums")
        sums = await self._artifacts.checksums()
        await self.runtimes.install(payload, sums, report=report)
        report("workspace")
        self.workspace.prepare()
        if payload.wants_code_server:
            report("code-server")
            await self.codeserver.install(sums, report=report)
        self._artifacts.clean()

    async def _restart(self, operation: Operation, payload: DevPayload) -> None:
        await self.codeserver.stop()
        await self._bring_up(operation, payload)

    async def _bring_up(self, operation: Operation, payload: DevPayload) -> None:
        operation.waiting, operation.message = True, "waiting until code-server answers"
        await self.codeserver.start(payload)

    def _check_verified(self) -> None:
        """Refuse an IDE that did not come up. Raises :class:`ProvisioningError`."""
        if not self.codeserver.readiness.ready:
            told = self.codeserver.condition.error or self.codeserver.readiness.error
            msg = f"code-server was installed but does not serve: {told}"
            raise ProvisioningError(msg, code="codeserver_failed")

    def _completed(self) -> None:
        self.provisioning = Provisioning(complete_at=now())
        self.condition.become("running")
