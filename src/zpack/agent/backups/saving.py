"""Makes a running server write its world out and then leave it alone, and lets it save again, always."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING

from zpack.agent.backups.record import Failed
from zpack.agent.config.files import write_json
from zpack.agent.problems import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.console.ring import ConsoleRing
    from zpack.agent.faults import FaultPoint
    from zpack.agent.games.engine import Archiving
    from zpack.agent.power.workload import Workload

log = logging.getLogger(__name__)


class Saving:
    """The server's own saving. ``marker`` tells a later agent that this one stopped it."""

    def __init__(self, *, workload: Workload, ring: ConsoleRing, marker: Path, fault: FaultPoint) -> None:
        self._workload = workload
        self._ring = ring
        self._marker = marker
        self._fault = fault

    async def pause(self, words: Archiving) -> None:
        """Flush, then stop saving; each is waited for when the engine says it. Raises :class:`Failed`."""
        if words.flush:
            await self._say(words.flush, words.flushed, words.confirm_seconds)
            self._fault.reached("backup:flushed")
        if words.pause:
            # First the marker: a server that does not save and an agent that does not know it lose a world.
            write_json(self._marker, {"resume": words.resume})
            await self._say(words.pause, words.paused, words.confirm_seconds)
            self._fault.reached("backup:paused")

    def resume(self, words: Archiving) -> None:
        """Let it save again; when it is gone there is nothing to say: a new one saves anyway."""
        if self._marker.exists():
            if self._workload.process is not None:
                with contextlib.suppress(Refusal):
                    self._workload.type(words.resume)
            self._marker.unlink(missing_ok=True)

    async def _say(self, command: str, answers: tuple[str, ...], seconds: float) -> None:
        seq = self._ring.last
        try:
            self._workload.type(command)
        except Refusal as error:
            raise Failed(f"the server cannot be told to save: {error.message}") from error
        if not answers:
            return
        try:
            async with asyncio.timeout(seconds):
                while not (news := await self._heard(seq, answers))[0]:
                    seq = news[1]
        except TimeoutError:
            msg = f"the server did not confirm {command!r} within {seconds:g} s; nothing was archived"
            raise Failed(msg, code="save_not_confirmed") from None

    async def _heard(self, seq: int, answers: tuple[str, ...]) -> tuple[bool, int]:
        await asyncio.sleep(0)  # a closed ring answers without waiting
        news = await self._ring.wait_after(seq, seconds=1.0)
        return any(is_said(each["line"], answers) for each in news["lines"]), news["next"]


def is_said(line: str, answers: tuple[str, ...]) -> bool:
    """Say whether the server itself says one of the answers: after its stamp, not after a player's name."""
    return any(re.fullmatch(rf"(?:\[[^\]]*\] ?)+: {re.escape(answer)}", line.strip()) for answer in answers)
