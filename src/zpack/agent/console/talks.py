"""Who a viewer talks with: the workload by commands, or a shell by keys."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from zpack.agent.console.frames import Resized, parse_command_frame, parse_key_frame
from zpack.agent.problems import NotReady, WorkloadError
from zpack.wire.pace import Pace

if TYPE_CHECKING:
    from zpack.agent.console.ring import ConsoleRing
    from zpack.agent.console.shell import Shell
    from zpack.agent.power.workload import Workload

COMMAND_BURST, COMMANDS_PER_SECOND = 50, 20
KEY_BURST, KEYS_PER_SECOND = 256 * 1024, 64 * 1024


class WorkloadTalk:
    """Lines both ways. It has no end of its own: the next start goes on in the same ring."""

    in_lines = True
    ended = None

    def __init__(self, *, workload: Workload, ring: ConsoleRing) -> None:
        self.ring = ring
        self._workload = workload
        self._pace = Pace(burst=COMMAND_BURST, rate=COMMANDS_PER_SECOND, now=time.monotonic())

    async def hear(self, protocol: str | None, text: str) -> None:
        """Type commands, each in its turn. Raises ``Refusal``."""
        for asked in parse_command_frame(protocol, text):
            await asyncio.sleep(self._pace.spend(1, now=time.monotonic()))
            if isinstance(asked, Resized):
                self._workload.resize(asked.columns, asked.rows)
            else:
                self._workload.type(asked.text)


class ShellTalk:
    """Terminal output one way, keys the other."""

    in_lines = False

    def __init__(self, shell: Shell) -> None:
        self.ring = shell.ring
        self._shell = shell
        self._pace = Pace(burst=KEY_BURST, rate=KEYS_PER_SECOND, now=time.monotonic())

    @property
    def ended(self) -> str | None:
        """Why the shell is over."""
        return self._shell.ended

    async def hear(self, protocol: str | None, text: str) -> None:
        """Type keys. Raises ``Refusal``."""
        for asked in parse_key_frame(protocol, text):
            cost = 64 if isinstance(asked, Resized) else len(asked.text)
            await asyncio.sleep(self._pace.spend(cost, now=time.monotonic()))
            if isinstance(asked, Resized):
                self._shell.resize(asked.columns, asked.rows)
                continue
            try:
                self._shell.type(asked.text)
            except WorkloadError as error:
                raise NotReady(str(error)) from error
