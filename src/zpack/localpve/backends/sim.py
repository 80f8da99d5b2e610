"""Backend ``sim``: scripted guests in this process, thousands of them, for rehearsals and tests."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends.base import BackendError, Guest, Usage
from zpack.localpve.backends.sim_agent import SimAgent
from zpack.localpve.backends.sim_script import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class SimBackend:
    """Keeps a scripted agent on each running guest's own loopback address.

    With a ``home`` what the agents were configured with survives a restart, as it does on a real disk.
    """

    name = "sim"
    isolation = "nothing really runs: agents and games are scripted"

    def __init__(self, *, script: Mapping[str, Any], home: Path | None = None) -> None:
        self._home = home
        self._script = Script.parse(script)
        self._agents: dict[int, SimAgent] = {}
        self._started: dict[int, float] = {}

    async def clone(self, guest: Guest) -> None:
        """Nothing to copy."""

    async def start(self, guest: Guest) -> None:
        """Begin to listen as the guest's agent."""
        if guest.vmid in self._agents:
            return
        agent = SimAgent(
            ip=guest.ip, script=self._script, payload=self._payload(guest.vmid), keep=self._keeper(guest.vmid)
        )
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
        if self._home is not None:
            self._path(self._home, guest.vmid).unlink(missing_ok=True)

    async def address(self, guest: Guest) -> str:
        """Return the guest's loopback address."""
        return guest.ip

    async def close(self) -> None:
        """Stop every guest."""
        for agent in list(self._agents.values()):
            await agent.close()
        self._agents.clear()

    @staticmethod
    def _path(home: Path, vmid: int) -> Path:
        return home / "guests" / f"{vmid}.json"

    def _payload(self, vmid: int) -> dict[str, Any] | None:
        """Return what a guest was configured with, if it was."""
        if self._home is None:
            return None
        try:
            body = json.loads(self._path(self._home, vmid).read_bytes())
        except (OSError, ValueError):
            return None
        return body if isinstance(body, dict) else None

    def _keeper(self, vmid: int) -> Callable[[bytes], None] | None:
        home = self._home
        if home is None:
            return None

        def keep(body: bytes) -> None:
            path = self._path(home, vmid)
            path.parent.mkdir(exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
            path.write_bytes(body)

        return keep
