"""What is done without being asked: leftovers go before the doors open, old copies every six hours."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from zpack.agent.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from zpack.agent.files.leftovers import Leftovers
    from zpack.agent.files.place import Places
    from zpack.agent.files.shadow import Shadows

EVERY_SECONDS = 6 * 3600.0
log = logging.getLogger(__name__)


class Upkeep:
    """Keeps a place tidy while the agent lives."""

    def __init__(self, *, leftovers: Leftovers, shadows: Shadows, places: Places) -> None:
        self._leftovers = leftovers
        self._shadows = shadows
        self._places = places

    async def context(self, _: web.Application) -> AsyncIterator[None]:
        """Begin before the first request, end after the last."""
        removed = await asyncio.to_thread(self._leftovers.remove)
        if removed:
            log.info("removed %d unfinished files of an agent that was killed", removed)
        cleaning = asyncio.create_task(self._clean())
        yield
        cleaning.cancel()
        await asyncio.wait({cleaning})

    async def _clean(self) -> None:
        while True:
            with contextlib.suppress(Refusal):  # there is no server yet
                await asyncio.to_thread(self._clean_once)
            await asyncio.sleep(EVERY_SECONDS)

    def _clean_once(self) -> None:
        try:
            self._shadows.clean(self._places.now().folder)
        except OSError:
            log.warning("old copies of settings files could not be removed", exc_info=True)
