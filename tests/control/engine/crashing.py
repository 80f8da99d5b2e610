"""A worker with one workflow of three steps; the second waits for the process to be killed the first time."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from zpack.control.db.leases import LeaseRows
from zpack.control.db.session import Database
from zpack.control.engine import leases as engine_leases
from zpack.control.engine.leases import Leases
from zpack.control.engine.steps import State, Step, Workflow
from zpack.control.engine.workflow import Workflows

url, executor, log = sys.argv[1:4]
starting = "start" in sys.argv


def say(word: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{word}\n")


class Journal:
    async def begin_step(self, operation_id: str, phase: str, progress: float | None) -> None:
        say(phase)

    async def cancel_requested(self, operation_id: str) -> bool:
        return False

    async def finish(self, operation_id: str, *, status: Any, result: State, error: Any) -> None:
        say(f"finished:{status}")


async def quick(state: State) -> None:
    return None


async def slow(state: State) -> None:
    if starting:
        await asyncio.Event().wait()


async def main() -> None:
    engine_leases.LEASE = timedelta(seconds=2)
    kernel = Workflows(
        url=url,
        journal=Journal(),
        leases=Leases(database=Database(url), rows=LeaseRows(), executor_id=executor),
    )
    kernel.register(
        Workflow("w", (Step("a", quick), Step("b", slow), Step("c", quick)), timedelta(minutes=1))
    )
    await kernel.launch()
    if starting:
        deadline = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        await kernel.start("op", "w", {"deadline": deadline}, attempt=1)
    while True:
        await kernel.renew_lease()
        await kernel.take_over()
        await asyncio.sleep(0.5)


asyncio.run(main())
