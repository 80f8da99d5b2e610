"""Tells the API what happens to each server, in order, until it has heard (contract §6.3).

Each server has its own short queue and, while there is something in it, its own task: one server's retries
never delay another's news. A full queue loses its oldest entry, since the newest is the truth.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from zpack.wire.edge import SECRET_HEADER, ProxyEvent, hashed_secret

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUED = 8
AT_ONCE = 8
TRANSIENT = {408, 425, 429}
OK, ERROR, SERVER_ERROR = 200, 300, 500
log = logging.getLogger("zpack.edge.callbacks")


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts, in seconds, doubling."""

    first: float = 0.5
    most: float = 30.0
    budget: float = 5.0
    """How long one attempt may take."""

    def pause(self, attempt: int) -> float:
        """Return a pause with jitter, so that servers do not call in step."""
        return min(self.most, self.first * 2 ** min(attempt, 16)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


class Callbacks:
    """Sends events; with no endpoint it drops them."""

    def __init__(self, *, endpoint: str, secret: str, backoff: Backoff | None = None) -> None:
        self._endpoint = endpoint
        self._headers = {SECRET_HEADER: hashed_secret(secret)}
        self._backoff = backoff or Backoff()
        self._queues: dict[str, deque[ProxyEvent]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._dropped: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    def send(self, event: ProxyEvent) -> None:
        """Queue an event; it is sent after the earlier ones of its server."""
        if not self._endpoint:
            return
        name = event["server_name"]
        self._queues.setdefault(name, deque(maxlen=QUEUED)).append(event)
        if name not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._deliver(name))
            self._tasks[name] = task
            task.add_done_callback(self._forgetter(name))

    def drop(self, name: str) -> None:
        """Forget what a server that is gone still had to tell; its next life begins without a pause."""
        self._queues.pop(name, None)
        if (task := self._tasks.pop(name, None)) is not None:
            task.cancel()
            self._dropped.add(task)
            task.add_done_callback(self._dropped.discard)

    async def close(self) -> None:
        """Stop, and lose what is queued: it is told again at the next start."""
        tasks = [*self._tasks.values(), *self._dropped]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _forgetter(self, name: str) -> Callable[[asyncio.Task[None]], None]:
        def forget(task: asyncio.Task[None]) -> None:
            if self._tasks.get(name) is task:
                del self._tasks[name]

        return forget

    async def _deliver(self, name: str) -> None:
        queue, attempt = self._queues[name], 0
        while queue:
            event = queue[0]
            if await self._post(event):
                attempt = 0
                if queue[0] is event:  # else the full queue pushed it out meanwhile
                    queue.popleft()
            else:
                await asyncio.sleep(self._backoff.pause(attempt))
                attempt += 1
        # No await between the last look at the queue and this: a send comes either before or finds no task.
        self._queues.pop(name, None)
        self._tasks.pop(name, None)

    async def _post(self, event: ProxyEvent) -> bool:
        """Send one event; say whether it is settled: heard, or refused for good."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._backoff.budget)
            self._session = aiohttp.ClientSession(timeout=timeout, headers=self._headers)
        told = f"{event['server_name']} {event['status']}"
        try:
            async with (
                self._slots,
                self._session.post(self._endpoint, json=event, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("the API did not hear '%s': %s", told, type(error).__name__)
            return False
        if OK <= status < ERROR:
            return True
        log.warning("the API answered %s to '%s'", status, told)
        return status < SERVER_ERROR and status not in TRANSIENT
