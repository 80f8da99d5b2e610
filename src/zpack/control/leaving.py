"""How an API process leaves without losing a request: first its balancer, then its backlog, then the rest.

From SIGTERM on ``/api/ready`` says that it is leaving, and every connection ends behind its answer, so that a
balancer's pool drains. After ``ZPACK_DRAIN_SECONDS`` nothing more is accepted; what the kernel had accepted
already is served, and a connection whose request is still on its way is waited for.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

UNREAD_SECONDS = 0.5
"""For so long a connection that has said nothing yet may still bring its request."""
LOOK_SECONDS = 0.02
MOST = 4096


class Leaving:
    """Whether this process is on its way out."""

    def __init__(self, *, drain_seconds: float) -> None:
        self.drain_seconds = drain_seconds
        self._since: float | None = None

    def begin(self) -> None:
        """Note that we were told to leave."""
        self._since = self._since or time.monotonic()

    @property
    def begun(self) -> bool:
        """Whether we were told to."""
        return self._since is not None

    async def drained(self) -> None:
        """Return once the balancers have had their time."""
        since = self._since or time.monotonic()
        await asyncio.sleep(since + self.drain_seconds - time.monotonic())


def backlog(listeners: Iterable[socket.socket]) -> list[socket.socket]:
    """Accept what the kernel has accepted for us: closing a listener resets what nobody took.

    Whoever calls closes the listeners at once, before anything else can happen.
    """
    taken: list[socket.socket] = []
    for listener in listeners:
        listener.setblocking(False)
        while len(taken) < MOST:
            try:
                one, _ = listener.accept()
            except OSError:
                break
            one.setblocking(False)
            taken.append(one)
    return taken


async def requests_read(connections: Callable[[], Iterable[Any]], *, seconds: float) -> None:
    """Wait for requests of which a part is there, and a moment for connections that have said nothing yet.

    ``seconds`` is for the former. A connection that carries no requests has no ``cycle``.
    """
    began = time.monotonic()
    # uvicorn tells nobody when a request has come
    while any(_is_awaited(one, time.monotonic() - began, seconds) for one in connections()):  # noqa: ASYNC110
        await asyncio.sleep(LOOK_SECONDS)


def _is_awaited(connection: Any, waited: float, seconds: float) -> bool:
    if getattr(connection, "cycle", connection) is not None:
        return False
    return waited < (seconds if connection.has_begun else UNREAD_SECONDS)
