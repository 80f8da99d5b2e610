"""Looks for newer releases, and changes to one: fetched, verified, tried, switched to, started."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from zpack.agent import VERSION
from zpack.agent.install.checksums import checksum_of
from zpack.agent.power.lock import now
from zpack.agent.problems import Conflict, WorkloadError
from zpack.agent.update.versions import offered, order, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.agent.install.artifacts import Artifacts
    from zpack.agent.settings import Updating
    from zpack.agent.update.releases import Releases
    from zpack.wire.agent import UpdateState, UpdateStatus

OWN = VERSION.removeprefix("v")
POLL_SECONDS = 0.2
log = logging.getLogger(__name__)


class Updates:
    """One agent's renewal. At most one change is under way; looking never changes anything."""

    def __init__(
        self,
        *,
        settings: Updating,
        releases: Releases,
        artifacts: Artifacts,
        idle: Callable[[], bool],
        renew: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._releases = releases
        self._artifacts = artifacts
        self._idle = idle
        self._renew = renew
        self._changing: asyncio.Task[None] | None = None
        self._state: UpdateState = "idle"
        self._latest: str | None = None
        self._checked_at: str | None = None
        self._error: str | None = None

    def status(self) -> UpdateStatus:
        """Return the body of ``/agent/update/status``."""
        failed = self._releases.failed
        return {
            "mode": self._settings.mode,
            "state": self._state,
            "currentVersion": VERSION,
            "latestVersion": _shown(self._latest),
            "updateAvailable": self._newer(self._latest),
            "previousVersion": _shown(self._releases.previous),
            "failedVersion": _shown(failed.version) if failed else None,
            "lastCheckedAt": self._checked_at,
            "error": self._error or (f"{failed.version} was taken back: {failed.reason}" if failed else None),
        }

    async def watch(self) -> None:
        """Look from time to time, if asked to; in mode ``auto`` change to what is found. Until cancelled."""
        if self._settings.mode == "off":
            return
        pause = random.uniform(0, self._settings.interval_seconds)  # noqa: S311 - all agents start at once
        while True:
            await asyncio.sleep(pause)
            pause = self._settings.interval_seconds
            await self._look()
            failed = self._releases.failed
            refused = failed.version if failed else None
            if self._settings.mode == "auto" and self._newer(self._latest) and self._latest != refused:
                self._begin(self._latest)

    async def apply(self, version: str | None, *, allow_downgrade: bool) -> str:
        """Begin to change to a release, the newest by default; return its version.

        Raises :class:`Conflict` when it cannot be.
        """
        if self._settings.start is None or self._releases.current is None:
            raise Conflict("this agent was not installed as a release", code="update_unsupported")
        self._must_be_free()
        sums = await self._look()
        self._must_be_free()
        if self._error:
            raise Conflict(self._error, code="update_failed")
        wanted = version or self._latest
        if wanted is None or path_of(wanted) not in sums:
            raise Conflict("the artifact store has no such release for this agent", code="update_not_found")
        if wanted == OWN:
            raise Conflict(f"this agent is {OWN} already", code="up_to_date")
        if order(wanted) < order(OWN) and not allow_downgrade:
            raise Conflict(f"{wanted} is older than {OWN}", code="downgrade_refused")
        self._begin(wanted)
        return wanted

    async def confirm(self) -> None:
        """Called by an agent that serves: a release on trial is one no longer."""
        confirmed = await asyncio.to_thread(self._releases.confirm)
        if confirmed:
            log.info("updated to %s", confirmed)
        elif failed := self._releases.failed:
            log.warning("%s was taken back: %s", failed.version, failed.reason)

    async def close(self) -> None:
        """Give up a change that is under way; what is current stays."""
        if self._changing:
            self._changing.cancel()
            await asyncio.wait({self._changing})

    def _newer(self, version: str | None) -> bool:
        return version is not None and order(version) > order(OWN)

    def _must_be_free(self) -> None:
        if self._changing and not self._changing.done():
            raise Conflict("an update is in progress", code="update_in_progress")

    async def _look(self) -> dict[str, str]:
        self._state = "checking"
        sums: dict[str, str] = {}
        try:
            sums = await self._artifacts.checksums()
            self._latest = (offered(sums) or [None])[-1]
            self._error = None
        except WorkloadError as error:
            self._error = str(error)
        self._checked_at = now()
        self._state = "idle"
        return sums

    def _begin(self, version: str | None) -> None:
        if version and (self._changing is None or self._changing.done()):
            self._changing = asyncio.create_task(self._change(version), name="update")

    async def _change(self, version: str) -> None:
        log.info("updating from %s to %s", OWN, version)
        try:
            await self._install(version)
            self._state = "waiting"
            while not self._idle():  # noqa: ASYNC110 - a game that ends tells many, but not us
                await asyncio.sleep(POLL_SECONDS)
            self._state = "restarting"
            await asyncio.to_thread(self._releases.switch, version)
            self._renew()
        except (WorkloadError, OSError) as error:
            self._error = f"the update to {version} failed: {error}"
            self._state = "idle"
            log.error("%s", self._error)  # noqa: TRY400 - the text says it all

    async def _install(self, version: str) -> None:
        self._releases.clean()
        self._state = "downloading"
        sums = await self._artifacts.checksums()
        path = path_of(version)
        archive = await self._artifacts.fetch(path, checksum=checksum_of(sums, path), report=log.debug)
        self._state = "installing"
        await self._releases.install(version, archive)
        self._artifacts.clean()


def _shown(version: str | None) -> str | None:
    """Return a version as ``/version`` says it."""
    return f"v{version}" if version else None
