"""Backend ``sim``: scripted guests in this process, thousands of them, for rehearsals and tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends.base import BackendError, Guest, Usage
from zpack.localpve.backends.sim_agent import SimAgent
from zpack.localpve.backends.sim_script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping


class SimBackend:
    """Keeps a scripted agent on each running guest's own loopback address."""

    name = "sim"
    isolation = "nothing really runs: agents and games are scripted"

    def __init__(self, *, script: Mapping[str, Any]) -> None:
        self._script = Script.parse(script)
        self._agents: dict[int, SimAgent] = {}
        self._started: dict[int, float] = {}

    async def clone(self, guest: Guest) -> None:
        """Nothing to copy."""

    async def start(self, guest: Guest) -> None:
        """Begin to listen as the guest's agent."""
        if guest.vmid in self._agents:
            return
        agent = SimAgent(ip=guest.ip, script=self._script)
        try:
            await agent.start()
        except OSError as failure:
            raise BackendError(f"cannot listen on {guest.ip}: {failure.strerror}") from failure
        self._agents[guest.vmid] = agent
        self._started[guest.vmid] = time.monotonic()

    async def shutdown(self, guest: Guest, *, timeout: float) -> None:
        """Scripted guests always end at once."""
        del timeout
        await self.stop(guest)

    async def stop(self, guest: Guest) -> None:
        """Stop listening."""
        agent = self._agents.pop(guest.vmid, None)
        if agent is not None:
            await agent.close()

    async def running(self, guest: Guest) -> bool:
        """Say whether the guest listens."""
        return guest.vmid in self._agents

    async def usage(self, guest: Guest) -> Usage:
        """Return made-up but steady figures."""
        uptime = int(time.monotonic() - self._started.get(guest.vmid, time.monotonic()))
        return Usage(pid=1, mem=guest.memory << 18, cpu=0.01, uptime=uptime)

    async def destroy(self, guest: Guest) -> None:
        """Forget the guest."""
        await self.stop(guest)

    async def address(self, guest: Guest) -> str:
        """Return the guest's loopback address."""
        return guest.ip

    async def close(self) -> None:
        """Stop every guest."""
        for agent in list(self._agents.values()):
            await agent.close()
        self._agents.clear()
