"""Where a request about files acts: a folder and what may be done in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zpack.agent.files.policy import Policy, game_policy
from zpack.agent.problems import Conflict
from zpack.agent.rooted.root import Root

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.config.store import ConfigStore
    from zpack.agent.files.quota import Quota
    from zpack.agent.install.server import ServerFolder
    from zpack.agent.power.lock import OperationLock

EXCLUSIVE = frozenset({"config", "restore"})


@dataclass(frozen=True)
class Place:
    """A folder, its policy, and how much may be in it."""

    folder: Path
    policy: Policy
    quota: Quota
    quota_bytes: int | None

    def open(self) -> Root:
        """Open the folder. Raises :class:`Missing` and other refusals."""
        return Root.open(self.folder)


class Places(Protocol):
    """Says where requests act now."""

    def now(self) -> Place:
        """Return the place. Raises :class:`Conflict` when there is none yet."""
        ...

    def changing(self) -> Place:
        """Return the place to change something. Raises :class:`Conflict` while that is no good time."""
        ...


class GamePlaces:
    """The folder of the configured game server."""

    def __init__(
        self,
        *,
        configs: ConfigStore,
        servers: ServerFolder,
        lock: OperationLock,
        quota: Quota,
        quota_mib: int | None,
    ) -> None:
        self._configs = configs
        self._servers = servers
        self._lock = lock
        self._quota = quota
        self._quota_mib = quota_mib

    def now(self) -> Place:
        """Return the server's folder."""
        payload = self._configs.payload
        if payload is None:
            raise Conflict("nothing was configured yet", code="not_configured")
        limits = [mib for mib in (self._quota_mib, payload.disk_mb) if mib]
        quota_bytes = min(limits) * 1024 * 1024 if limits else None
        return Place(self._servers.path(payload), game_policy(payload.world), self._quota, quota_bytes)

    def changing(self) -> Place:
        """Return the server's folder, unless it is being installed or restored."""
        operation = self._lock.current
        if operation and operation.kind in EXCLUSIVE and not operation.waiting:
            msg = f"{operation.kind} is in progress since {operation.started_at}"
            raise Conflict(msg)
        return self.now()
