"""Where requests about a dev container's files act: the workspace, in which everything is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.agent.files.place import Place
from zpack.agent.files.policy import DEV
from zpack.agent.problems import Conflict

if TYPE_CHECKING:
    from zpack.agent.dev.container import DevContainer
    from zpack.agent.files.quota import Quota


class DevPlaces:
    """The workspace of the provisioned dev container."""

    def __init__(self, *, dev: DevContainer, quota: Quota, quota_mib: int | None) -> None:
        self._dev = dev
        self._quota = quota
        self._quota_bytes = quota_mib * 1024 * 1024 if quota_mib else None

    def now(self) -> Place:
        """Return the workspace. Raises :class:`Invalid` in a game container, :class:`Conflict`."""
        self._dev.check_type()
        folder = self._dev.workspace.folder
        if not folder.is_dir():
            raise Conflict("the container has no workspace yet", code="not_configured")
        return Place(folder, DEV, self._quota, self._quota_bytes)

    def changing(self) -> Place:
        """Return the workspace; provisioning puts nothing into it, so any time is good."""
        return self.now()
