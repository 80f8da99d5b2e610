"""What a backend of localpve can do: the seam between Proxmox's API and something that really runs.

The API side (``ledger``, ``lxc``, ``tasks``) owns VMIDs, configuration, locks and tasks. A backend owns
files, processes and limits of one container, and keeps no record of its own: whatever it needs to find a
container again it derives from the VMID and its folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class BackendError(Exception):
    """A backend could not do what was asked; the text becomes Proxmox's ``TASK ERROR``."""


@dataclass(frozen=True)
class Template:
    """What a template VMID is made of.

    ``rootfs`` is the template's folder below localpve's home. ``init`` is the command a clone runs as its
    first process; ``env`` its environment. Both may use the placeholders ``{vmid}``, ``{ip}``,
    ``{hostname}`` and ``{root}`` (the clone's own root: ``/`` in LXC, its folder with the process backend).
    ``mounts`` are host folders shown read-only at the same path inside (LXC only).
    """

    vmid: int
    rootfs: Path
    init: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guest:
    """One container as a backend sees it. ``memory`` and ``swap`` are MiB; ``cores`` and ``pids`` counts."""

    vmid: int
    hostname: str
    ip: str
    template: Template
    memory: int = 512
    swap: int = 0
    cores: int = 1
    pids: int = 1024


@dataclass(frozen=True)
class Usage:
    """A moment's use of a running guest. Bytes, seconds and a fraction of the host's CPU time."""

    pid: int = 0
    mem: int = 0
    cpu: float = 0.0
    disk: int = 0
    uptime: int = 0
    netin: int = 0
    netout: int = 0


class Backend(Protocol):
    """Starts and stops containers. Every method is idempotent and raises :class:`BackendError`."""

    name: str
    """``lxc``, ``process`` or ``sim``."""
    isolation: str
    """One line for the operator: what this backend does not isolate."""

    async def clone(self, guest: Guest) -> None:
        """Make the guest's files from its template. A half-made clone is removed first."""
        ...

    async def start(self, guest: Guest) -> None:
        """Start the guest's first process under its limits; return when it runs."""
        ...

    async def shutdown(self, guest: Guest, *, timeout: float) -> None:
        """Ask the guest to end; raise :class:`BackendError` when it still runs after ``timeout`` seconds."""
        ...

    async def stop(self, guest: Guest) -> None:
        """End the guest's processes at once, all of them."""
        ...

    async def running(self, guest: Guest) -> bool:
        """Say whether the guest's first process lives."""
        ...

    async def usage(self, guest: Guest) -> Usage:
        """Measure a running guest."""
        ...

    async def destroy(self, guest: Guest) -> None:
        """Remove everything the guest has: processes, mounts, limits, files."""
        ...

    async def address(self, guest: Guest) -> str:
        """Return the IPv4 address the guest is reached at."""
        ...

    async def close(self) -> None:
        """Stop every guest and release what the backend holds on the host (bridges, namespaces)."""
        ...
