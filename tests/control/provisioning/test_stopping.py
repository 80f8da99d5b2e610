"""A worker ends when it is asked to, whatever the libraries and counterparts under it do."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from zpack.control.engine.periodic import Periodic
from zpack.control.wiring import Clients, build_work
from zpack.control.worker import Worker

if TYPE_CHECKING:
    from zpack.control.settings import Settings


async def test_a_lost_cancellation_does_not_keep_it(settings: Settings, clients: Clients) -> None:
    began, let_go = asyncio.Event(), asyncio.Event()

    async def loses_it() -> None:
        """Turn a cancellation into an error of its own, as redis-py does when the server leaves."""
        began.set()
        try:
            await let_go.wait()
        except asyncio.CancelledError:
            raise ConnectionError("Connection closed by server.") from None

    work = build_work(settings, clients, embedded=True)
    stubborn = Periodic(name="stubborn", every=60.0, tick=loses_it)
    worker = Worker(dataclasses.replace(work, periodics=(*work.periodics, stubborn)))
    await worker.start()
    await began.wait()
    async with asyncio.timeout(30):
        await worker.stop()
    let_go.set()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
