"""Asks the API to start a sleeping server, once for many players, and remembers what it said."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import aiohttp

from zpack.edge.limits import Rate, bucket_of
from zpack.wire.edge import SECRET_HEADER, Wake, hashed_secret

if TYPE_CHECKING:
    from collections.abc import Callable

BUDGET_SECONDS = 5.0
AGAIN_SECONDS = 5.0
"""For so long the API is not asked again for the same server."""
STARTING_SECONDS = 600.0
"""Whatever was woken has come up by then, or has failed."""
ADDRESS_RATE, ADDRESS_BURST = 1 / 60, 6
"""One stranger's joins ask no more often than this."""
REMEMBERED = 10_000
SECONDS_MOST = 3600
OK = 200
REFUSED = {400, 403, 404}
log = logging.getLogger("zpack.edge.wakes")


@dataclass(frozen=True)
class Answer:
    """``starting`` in some seconds, ``refused``, or ``later``: too many tries, or the API is away."""

    state: Literal["starting", "refused", "later"]
    seconds: int = 0


@dataclass(frozen=True)
class _Asked:
    answer: Answer
    at: float


def wake_url(endpoint: str) -> str | None:
    """Return where the API is asked, beside the door for callbacks; None when that is unknown."""
    base, _, last = endpoint.rpartition("/")
    return f"{base}/wake" if last == "proxy-status" else None


class Wakes:
    """Wakes servers; pings never come here, only players who log in."""

    def __init__(self, *, endpoint: str, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = wake_url(endpoint)
        self._headers = {SECRET_HEADER: hashed_secret(secret)}
        self._clock = clock
        self._rate = Rate(rate=ADDRESS_RATE, burst=ADDRESS_BURST, clock=clock)
        self._asked: dict[str, _Asked] = {}
        self._asking: dict[str, asyncio.Task[Answer]] = {}
        self._session: aiohttp.ClientSession | None = None

    def starting(self, name: str) -> bool:
        """Say whether a server was woken and has not been registered again yet."""
        asked = self._asked.get(name)
        fresh = asked is not None and self._clock() - asked.at < STARTING_SECONDS
        return fresh and asked is not None and asked.answer.state == "starting"

    def forget(self, name: str) -> None:
        """Forget a server that is registered again, awake or newly asleep, or that is gone."""
        self._asked.pop(name, None)

    async def wake(self, name: str, address: str) -> Answer:
        """Wake a server for whoever comes from this address; never raises."""
        asked = self._asked.get(name)
        if asked is not None and self._clock() - asked.at < AGAIN_SECONDS:
            return asked.answer
        if self._url is None or not self._rate.allow(bucket_of(address)):
            return Answer("later")
        task = self._asking.get(name)
        if task is None:
            body = Wake(server_name=name, address=address)
            task = asyncio.get_running_loop().create_task(self._ask(self._url, body))
            self._asking[name] = task
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close the connections."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _ask(self, url: str, body: Wake) -> Answer:
        """Ask, and remember the answer for as long as the server is not registered again."""
        before, name = self._asked.get(body["server_name"]), body["server_name"]
        answer = await self._post(url, body)
        if self._asked.get(name) is before:
            if len(self._asked) >= REMEMBERED:
                self._asked.pop(next(iter(self._asked)))
            self._asked[name] = _Asked(answer, self._clock())
        return answer

    async def _post(self, url: str, body: Wake) -> Answer:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=BUDGET_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, headers=self._headers)
        name = body["server_name"]
        try:
            async with self._session.post(url, json=body, allow_redirects=False) as reply:
                status = reply.status
                told: Any = await reply.json(content_type=None) if status == OK else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.warning("the API cannot be asked to wake %s: %s", name, type(error).__name__)
            return Answer("later")
        log.info("the API answered %s when asked to wake %s", status, name)
        if status == OK and isinstance(told, dict):
            return Answer("starting", _seconds(told.get("seconds")))
        return Answer("refused" if status in REFUSED else "later")


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return max(0, min(SECONDS_MOST, value))
