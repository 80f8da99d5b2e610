"""The workflow kernel: runs declared steps durably, on DBOS. The only module that knows DBOS.

A run is one DBOS workflow. Each of our steps is one DBOS step that *returns* its outcome, so that the
decision to go on or to unwind is replayed from the journal after a crash. A process that dies resumes at the
interrupted step when it starts again under the same executor id; work of an executor whose lease ran out is
resumed by another.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from dbos import DBOS, SetWorkflowID

from zpack.control.engine import measures, tracing
from zpack.control.engine.backoff import pauses
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.faults import FaultPoint
from zpack.control.engine.request import current_request
from zpack.control.engine.text import as_json, storable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.engine.leases import Leases
    from zpack.control.engine.steps import Finished, Journal, State, Step, Undo, Workflow

log = logging.getLogger("zpack.workflow")

APPLICATION_VERSION = "1"
"""Raised only when pending work of an older version could no longer be run."""
NAME = "zpack-operation"
UNDO_BUDGET = timedelta(minutes=10)
CANCEL_POLL = 0.5
STOP_SECONDS = 3.0


class Outcome(TypedDict):
    """What a step returned: the facts it adds, or why it failed."""

    facts: dict[str, Any]
    error: dict[str, Any] | None


class Cancelled(Refusal):
    """Someone asked to cancel the operation."""

    kind = "conflict"
    code = "cancelled"


class Workflows:
    """Runs registered workflows. One per process: DBOS is a process-wide singleton."""

    def __init__(
        self, *, url: str, journal: Journal, leases: Leases, fault: FaultPoint | None = None
    ) -> None:
        self._url = url
        self._journal = journal
        self._leases = leases
        self._fault = fault or FaultPoint()
        self._kinds: dict[str, Workflow] = {}
        self._entry: Callable[[str, str, State], Any] | None = None
        self._runs: set[asyncio.Task[Any]] = set()
        self._closing = False

    def register(self, workflow: Workflow) -> None:
        """Make a workflow known; must be done before :meth:`launch`."""
        self._kinds[workflow.kind] = workflow

    @property
    def registered(self) -> tuple[Workflow, ...]:
        """Every workflow known to this process."""
        return tuple(self._kinds.values())

    async def launch(self) -> None:
        """Connect, take the lease, and resume what this executor left unfinished."""
        await self._leases.renew()
        DBOS(
            config={
                "name": "zpack",
                "system_database_url": self._url,
                "application_version": APPLICATION_VERSION,
                "executor_id": self._leases.executor_id,
                "enable_otlp": False,
                "sys_db_pool_size": 4,
                "log_level": "WARNING",
            }
        )

        @DBOS.workflow(name=NAME)
        async def entry(operation_id: str, kind: str, state: State) -> str:
            self._note_run()
            return await self._run(operation_id, kind, state)

        self._entry = entry
        DBOS.launch()

    async def start(self, operation_id: str, kind: str, state: State, *, attempt: int) -> None:
        """Start a run; starting the same attempt twice is one run.

        Raises:
            KeyError: the kind was never registered.
        """
        assert self._entry is not None, "launch() comes first"  # noqa: S101 - a programming error
        if kind not in self._kinds:
            raise KeyError(kind)
        with SetWorkflowID(f"{operation_id}:{attempt}"):
            await DBOS.start_workflow_async(self._entry, operation_id, kind, state)

    async def take_over(self) -> int:
        """Resume the runs of executors whose lease ran out; return how many.

        One worker at a time looks: two that resumed one run after another would both run it.
        """
        async with self._leases.alone() as mine:
            if not mine:
                return 0
            living = await self._leases.living()
            pending = await DBOS.list_workflows_async(status="PENDING", name=NAME, load_input=False)
            dead = [run for run in pending if run.executor_id not in living]
            for run in dead:
                log.warning("taking over %s from %s", run.workflow_id, run.executor_id)
                await DBOS.resume_workflow_async(run.workflow_id)
        return len(dead)

    async def renew_lease(self) -> None:
        """Keep this worker believed alive."""
        await self._leases.renew()

    async def close(self) -> None:
        """Stop recording, then end what runs: the next start does it again, and until then it asks nobody."""
        self._closing = True
        DBOS.destroy(destroy_registry=True)
        self._entry = None
        for run in self._runs:
            run.cancel()
        if self._runs:
            await asyncio.wait(self._runs, timeout=STOP_SECONDS)

    def _note_run(self) -> None:
        """Remember the task of a run: DBOS leaves it to itself at the end."""
        run = asyncio.current_task()
        assert run is not None  # noqa: S101 - runs are tasks
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)

    async def _run(self, operation_id: str, kind: str, state: State) -> str:
        state = {**state, "operation_id": operation_id}
        workflow = self._kinds.get(kind)
        if workflow is None:  # a program without it took the run: said aloud, or it would run for ever
            error = {"code": "internal_error", "message": f"This worker does not know {kind}."}
            await DBOS.run_step_async({"name": "finish"}, self._finish, operation_id, "failed", state, error)
            return "failed"
        current_request.set(state.get("request_id"))
        began, parent = time.monotonic(), state.get(tracing.TRACEPARENT)
        with tracing.span(f"workflow {kind}", parent=parent) as span:
            span.note(workflow=kind, operation_id=operation_id, request_id=state.get("request_id"))
            status = await self._run_steps(workflow, operation_id, state)
            span.note(outcome=status)
            if status != "succeeded":
                span.fail(status)
        measures.WORKFLOWS.labels(kind, status).inc()
        measures.WORKFLOW_SECONDS.labels(kind, status).observe(time.monotonic() - began)
        return status

    async def _run_steps(self, workflow: Workflow, operation_id: str, state: State) -> str:
        begun: list[Step] = []
        error: dict[str, Any] | None = None
        for number, step in enumerate(workflow.steps):
            begun.append(step)
            progress = number / len(workflow.steps)
            outcome: Outcome = await DBOS.run_step_async(
                {"name": step.name}, self._do, workflow, step, state, progress
            )
            state |= outcome["facts"]
            error = outcome["error"]
            if error is not None:
                break
        if error is not None and not workflow.forward_only:
            error = await self._unwind(workflow, begun, state, error)
        status: Finished = "succeeded"
        if error is not None:
            status = "cancelled" if error["code"] == Cancelled.code else "failed"
        await DBOS.run_step_async({"name": "finish"}, self._finish, operation_id, status, state, error)
        return status

    async def _unwind(
        self, workflow: Workflow, begun: list[Step], state: State, error: dict[str, Any]
    ) -> dict[str, Any]:
        """Undo every begun step, last first; the failed one too, for it may have had an effect."""
        left: list[str] = []
        for step in reversed(begun):
            if step.undo is None:
                continue
            undone: bool = await DBOS.run_step_async(
                {"name": f"undo-{step.name}"}, self._undo, workflow, step, step.undo, state
            )
            if not undone:
                left.append(step.name)
        return {**error, "details": {**(error.get("details") or {}), "notUndone": left}} if left else error

    async def _do(self, workflow: Workflow, step: Step, state: State, progress: float) -> Outcome:
        operation_id = state["operation_id"]
        await self._persist(lambda: self._journal.begin_step(operation_id, step.name, progress))
        self._fault.reached(workflow.kind, step.name, "before")
        began = time.monotonic()
        with tracing.span(f"step {step.name}", workflow=workflow.kind) as span:
            span.note(operation_id=operation_id, vmid=state.get("vmid"))
            outcome = await self._outcome(workflow, step, state)
            error = outcome["error"]
            if error is not None:
                span.fail(error["code"])
        how = "ok" if error is None else "failed"
        measures.STEP_SECONDS.labels(workflow.kind, step.name, how).observe(time.monotonic() - began)
        if error is None:
            self._fault.reached(workflow.kind, step.name, "after")
        return outcome

    async def _outcome(self, workflow: Workflow, step: Step, state: State) -> Outcome:
        try:
            facts = await self._tried(workflow, step, state)
        except Exception as failure:  # noqa: BLE001 - every failure becomes an outcome
            return await self._failed(step, failure, state.get("waited_for"))
        return Outcome(facts=storable(facts), error=None)

    async def _tried(self, workflow: Workflow, step: Step, state: State) -> State:
        """Try until done, refused, cancelled or out of time."""
        left = (datetime.fromisoformat(state["deadline"]) - datetime.now(UTC)).total_seconds()
        async with asyncio.timeout(max(0.0, left)):
            for pause in pauses():
                try:
                    facts = await self._unless_cancelled(step, state) or {}
                    state.pop("waited_for", None)
                    return facts
                except ForeignError as failure:
                    if not failure.transient:
                        raise
                    state["waited_for"] = failure.message  # what a deadline is missed by
                    measures.STEP_RETRIES.labels(workflow.kind, step.name).inc()
                    log.info("step %s of %s: %s; again", step.name, state["operation_id"], failure.message)
                await self._pause(state["operation_id"], pause)
        raise TimeoutError

    async def _pause(self, operation_id: str, seconds: float) -> None:
        """Wait before the next try; a cancel ends the waiting. Raises Cancelled."""
        while seconds > 0:
            await self._refuse_cancelled(operation_id)
            await asyncio.sleep(min(CANCEL_POLL, seconds))
            seconds -= CANCEL_POLL

    async def _refuse_cancelled(self, operation_id: str) -> None:
        """Raise Cancelled when someone asked for it; while the journal cannot be read nobody did."""
        try:
            asked = await self._journal.cancel_requested(operation_id)
        except Exception:  # a database away for a moment must not unwind the work
            log.warning("cannot see whether %s is cancelled", operation_id, exc_info=True)
            return
        if asked:
            raise Cancelled("The operation was cancelled.")

    async def _unless_cancelled(self, step: Step, state: State) -> State | None:
        """Run the step while watching for a cancel."""
        await self._refuse_cancelled(state["operation_id"])
        work = asyncio.ensure_future(step.do(state))
        try:
            while True:
                done, _ = await asyncio.wait({work}, timeout=CANCEL_POLL)
                if done:
                    return work.result()
                await self._refuse_cancelled(state["operation_id"])
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    async def _failed(self, step: Step, failure: Exception, waited_for: str | None) -> Outcome:
        if self._closing:
            await asyncio.Event().wait()  # never recorded: the next start runs the step again
        return Outcome(facts={}, error=as_json(_described(step.name, failure, waited_for)))

    async def _undo(self, workflow: Workflow, step: Step, undo: Undo, state: State) -> bool:
        operation_id = state["operation_id"]
        await self._persist(lambda: self._journal.begin_step(operation_id, f"undo {step.name}", None))
        self._fault.reached(workflow.kind, f"undo-{step.name}", "before")
        deadline = datetime.now(UTC) + UNDO_BUDGET
        for pause in pauses():
            try:
                with tracing.span(f"undo {step.name}", workflow=workflow.kind, operation_id=operation_id):
                    await undo(state)
            except Exception:
                if self._closing:
                    await asyncio.Event().wait()
                if datetime.now(UTC) > deadline:
                    log.exception("could not undo %s of %s", step.name, operation_id)
                    return False
                log.warning("undo of %s of %s failed; again", step.name, operation_id, exc_info=True)
            else:
                self._fault.reached(workflow.kind, f"undo-{step.name}", "after")
                return True
            await asyncio.sleep(pause)
        return False

    async def _finish(
        self, operation_id: str, status: Finished, state: State, error: dict[str, Any] | None
    ) -> None:
        if error is not None:
            log.warning("%s %s: %s: %s", operation_id, status, error["code"], error["message"])
        await self._persist(
            lambda: self._journal.finish(operation_id, status=status, result=state, error=error)
        )

    async def _persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the journal, waiting for a database that is away for a moment."""
        for pause in pauses():
            try:
                await write()
            except Exception:
                if self._closing:
                    await asyncio.Event().wait()
                log.warning("the journal cannot be written; again", exc_info=True)
                await asyncio.sleep(pause)
            else:
                return


def _described(step: str, failure: Exception, waited_for: str | None) -> dict[str, Any]:
    """Return the error as people see it; what we did not expect is logged in full and shown as one phrase."""
    if isinstance(failure, Refusal):
        found: dict[str, Any] = {"code": failure.code, "message": failure.message}
        return found if failure.details is None else {**found, "details": failure.details}
    if isinstance(failure, TimeoutError):
        because = f": {waited_for}" if waited_for else ""
        return {"code": "deadline_exceeded", "message": f"The time ran out in {step}{because}."}
    if isinstance(failure, ForeignError):
        return {"code": "upstream_failed", "message": failure.message}
    log.error("step %s failed unexpectedly", step, exc_info=failure)
    return {"code": "internal_error", "message": f"Something went wrong in {step}."}
