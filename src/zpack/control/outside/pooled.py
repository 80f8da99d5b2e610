"""The life of a pooled HTTP session: it opens with its first use, and once closed it stays closed.

A session that opened again would be closed by nobody. Who still asks after the end is told so as of a system
that is away for now: a workflow that is cut short goes on in the next process instead of unwinding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp


class Pooled:
    """One session to ``name``, which ``make`` makes."""

    def __init__(self, name: str, make: Callable[[], aiohttp.ClientSession]) -> None:
        self._name = name
        self._make = make
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def open(self) -> aiohttp.ClientSession:
        """Return the session. Raises ForeignError when it was closed."""
        if self._closed:
            raise ForeignError(f"{self._name} was asked after its session was closed", transient=True)
        if self._session is None:
            self._session = self._make()
        return self._session

    async def close(self) -> None:
        """Close it for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
