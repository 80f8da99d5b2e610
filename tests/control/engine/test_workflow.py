"""The workflow kernel on a real database: retries, unwinding, cancel, deadline, crash, take-over."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import eventually
from zpack.control.db.leases import LeaseRows
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.leases import Leases
from zpack.control.engine.steps import State, Step, Workflow
from zpack.control.engine.workflow import Workflows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from zpack.control.db.session import Database

MINUTE = timedelta(minutes=1)


class Memory:
    """A journal that remembers."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.cancel = False
        self.unreadable = False
        self.ends: dict[str, tuple[str, State, Any]] = {}

    async def begin_step(self, operation_id: str, phase: str, progress: float | None) -> None:
        self.phases.append(phase)

    async def cancel_requested(self, operation_id: str) -> bool:
        if self.unreadable:
            raise ConnectionError
        return self.cancel

    async def finish(self, operation_id: str, *, status: Any, result: State, error: Any) -> None:
        self.ends[operation_id] = (status, result, error)


@pytest.fixture
async def kernel(database: Database, database_url: str) -> AsyncIterator[Callable[..., Any]]:
    """Return a function that runs a workflow to its end and returns how it ended."""
    journal = Memory()
    leases = Leases(database=database, rows=LeaseRows(), executor_id="one")
    kernel = Workflows(url=database_url, journal=journal, leases=leases)
    launched = False

    async def run(
        workflow: Workflow, *, seconds: float = 30.0, cancel_at: str = ""
    ) -> tuple[str, State, Any]:
        nonlocal launched
        kernel.register(workflow)
        if not launched:
            await kernel.launch()
            launched = True
        deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        await kernel.start("op", workflow.kind, {"deadline": deadline}, attempt=1)
        if cancel_at:
            await eventually(lambda: cancel_at in journal.phases)
            journal.cancel = True
        await eventually(lambda: "op" in journal.ends, timeout=20)
        return journal.ends["op"]

    run.journal = journal  # type: ignore[attr-defined]
    run.close = kernel.close  # type: ignore[attr-defined]
    yield run
    await kernel.close()


class World:
    """What steps did and undid."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def step(self, name: str, *failures: Exception) -> Step:
        left = list(failures)

        async def do(state: State) -> State:
            self.log.append(name)
            if left:
                raise left.pop(0)
            return {name: True}

        async def undo(state: State) -> None:
            self.log.append(f"undo {name}")

        return Step(name, do, undo)


class No(Refusal):
    code = "no"


async def test_steps_run_in_order_and_add_facts(kernel: Any) -> None:
    world = World()
    status, result, error = await kernel(Workflow("w", (world.step("a"), world.step("b")), MINUTE))
    assert (status, error, world.log) == ("succeeded", None, ["a", "b"])
    assert result["a"] is True
    assert result["b"] is True


async def test_a_transient_failure_is_tried_again(kernel: Any) -> None:
    world = World()
    away = ForeignError("away", transient=True)
    status, _, _ = await kernel(Workflow("w", (world.step("a", away, away),), MINUTE))
    assert (status, world.log) == ("succeeded", ["a", "a", "a"])


async def test_a_refusal_unwinds_backwards_and_includes_the_failed_step(kernel: Any) -> None:
    world = World()
    steps = (world.step("a"), world.step("b"), world.step("c", No("because")), world.step("d"))
    status, _, error = await kernel(Workflow("w", steps, MINUTE))
    assert (status, error) == ("failed", {"code": "no", "message": "because"})
    assert world.log == ["a", "b", "c", "undo c", "undo b", "undo a"]


async def test_a_surprise_is_one_phrase(kernel: Any) -> None:
    status, _, error = await kernel(Workflow("w", (World().step("a", ValueError("secret words")),), MINUTE))
    assert (status, error["code"]) == ("failed", "internal_error")
    assert "secret" not in error["message"]


async def test_an_error_that_nobody_could_store_still_ends_the_run(kernel: Any) -> None:
    bad = No("a\x00b", details={"why": ["\ud800", ValueError("x")]})
    status, _, error = await kernel(Workflow("w", (World().step("a", bad),), MINUTE))
    assert (status, error["message"], error["details"]) == ("failed", "a\ufffdb", {"why": ["\ufffd", "x"]})


async def test_forward_only_is_not_unwound(kernel: Any) -> None:
    world = World()
    steps = (world.step("a"), world.step("b", No("because")))
    status, _, _ = await kernel(Workflow("w", steps, MINUTE, forward_only=True))
    assert (status, world.log) == ("failed", ["a", "b"])


async def test_the_deadline_ends_a_step_that_hangs(kernel: Any) -> None:
    async def hang(state: State) -> None:
        await asyncio.Event().wait()

    status, _, error = await kernel(Workflow("w", (Step("hang", hang),), MINUTE), seconds=0.5)
    assert (status, error["code"]) == ("failed", "deadline_exceeded")


async def test_a_deadline_missed_by_trying_again_says_why(kernel: Any) -> None:
    async def locked(state: State) -> None:
        raise ForeignError("CT is locked (backup)", transient=True)

    status, _, error = await kernel(Workflow("w", (Step("start", locked),), MINUTE), seconds=0.5)
    assert status == "failed"
    assert error["message"] == "The time ran out in start: CT is locked (backup)."


async def test_a_cancel_interrupts_a_step_that_hangs(kernel: Any) -> None:
    async def hang(state: State) -> None:
        await asyncio.Event().wait()

    world = World()
    steps = (world.step("a"), Step("hang", hang))
    status, _, _ = await kernel(Workflow("w", steps, MINUTE), cancel_at="hang")
    assert (status, world.log) == ("cancelled", ["a", "undo a"])


async def test_a_cancel_interrupts_a_step_that_fails_again_and_again(kernel: Any) -> None:
    async def fail(state: State) -> None:
        raise ForeignError("away", transient=True)

    status, _, _ = await kernel(Workflow("w", (Step("fail", fail),), MINUTE), cancel_at="fail")
    assert status == "cancelled"


async def test_a_cancel_is_seen_between_quick_steps(kernel: Any) -> None:
    world = World()

    async def cancelling(state: State) -> None:
        kernel.journal.cancel = True

    steps = (world.step("a"), Step("b", cancelling), world.step("c"))
    status, _, _ = await kernel(Workflow("w", steps, MINUTE))
    assert (status, world.log) == ("cancelled", ["a", "undo c", "undo a"])


async def test_a_journal_that_cannot_be_read_does_not_unwind(kernel: Any) -> None:
    async def slow(state: State) -> None:
        await asyncio.sleep(1.2)

    kernel.journal.unreadable = True
    status, _, _ = await kernel(Workflow("w", (Step("slow", slow),), MINUTE))
    assert status == "succeeded"


async def test_an_undo_is_tried_until_it_works(kernel: Any) -> None:
    tries = []

    async def do(state: State) -> None:
        raise No("because")

    async def undo(state: State) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ForeignError("away", transient=True)

    status, _, error = await kernel(Workflow("w", (Step("a", do, undo),), MINUTE))
    assert (status, len(tries)) == ("failed", 3)
    assert "details" not in error


async def test_what_runs_at_the_end_is_ended_and_not_recorded(kernel: Any) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def hang(state: State) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    running = asyncio.create_task(kernel(Workflow("w", (Step("hang", hang),), MINUTE)))
    await begun.wait()
    await kernel.close()
    running.cancel()
    assert over.is_set()
    assert kernel.journal.ends == {}


PROGRAM = Path(__file__).with_name("crashing.py")


async def program(url: str, executor: str, log: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), url, executor, str(log), *words)


@pytest.mark.parametrize("second", ["one", "two"])
async def test_a_killed_run_goes_on_at_its_step(database_url: str, tmp_path: Path, second: str) -> None:
    """Under the same name at the next launch; under another once the lease has run out."""
    log = tmp_path / "log"
    first = await program(database_url, "one", log, "start")
    await eventually(lambda: log.exists() and "b" in log.read_text().split(), timeout=20)
    os.kill(first.pid, signal.SIGKILL)
    await first.wait()
    again = await program(database_url, second, log)
    try:
        await eventually(lambda: "finished" in log.read_text(), timeout=60)
    finally:
        again.kill()
        await again.wait()
    words = log.read_text().split()
    assert words.count("a") == 1
    assert words[-2:] == ["c", "finished:succeeded"]
