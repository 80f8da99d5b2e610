"""Volumes of a container: larger ones, and new ones; each only where the operator allows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from zpack.control.engine.budget import Budget
    from zpack.control.outside.proxmox import Guest, Proxmox

MOUNT = re.compile(r"mp(\d+)")
MOUNTS = 256


class NotAllowed(ForeignError):
    """The operator has not allowed it."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"volumes are left as they are: {variable} is not 1", transient=False)


class Volumes:
    """Grows volumes (``PVE_ALLOW_RESIZE``) and adds mount points (``PVE_ALLOW_OPTIONS``)."""

    def __init__(
        self, *, proxmox: Proxmox, allow_resize: bool, allow_options: bool, shutdown_seconds: int
    ) -> None:
        self._proxmox = proxmox
        self._allow_resize = allow_resize
        self._allow_options = allow_options
        self._shutdown_seconds = shutdown_seconds

    async def grow(self, guest: Guest, gib: int, budget: Budget) -> str | None:
        """Make the root disk ``gib`` GiB large; one that is larger stays. Raises NotAllowed, ForeignError."""
        if not self._allow_resize:
            raise NotAllowed("PVE_ALLOW_RESIZE")
        if guest.disk >= gib << 30:
            return None
        return await self._proxmox.resize(
            vmid=guest.vmid, node=guest.node, disk="rootfs", gib=gib, budget=budget
        )

    async def mount(self, guest: Guest, *, storage: str, gib: int, path: str, budget: Budget) -> bool:
        """Add an empty volume at ``path``, unless something is mounted there; say whether it was added.

        A container that runs is shut down for it and started again. Raises NotAllowed, ForeignError.
        """
        if not self._allow_options:
            raise NotAllowed("PVE_ALLOW_OPTIONS")
        vmid, node = guest.vmid, guest.node
        config = await self._proxmox.config(vmid=vmid, node=node, budget=budget)
        mounts = {int(match[1]): str(text) for key, text in config.items() if (match := MOUNT.fullmatch(key))}
        there = any(f",mp={path}," in f",{text}," for text in mounts.values())
        if not there:
            free = next(number for number in range(MOUNTS) if number not in mounts)
            if guest.status == "running":
                await self._proxmox.shutdown(
                    vmid=vmid, node=node, seconds=self._shutdown_seconds, budget=budget
                )
            settings = {f"mp{free}": f"{storage}:{gib},mp={path}"}
            await self._proxmox.configure(vmid=vmid, node=node, settings=settings, budget=budget)
        if guest.status == "running":  # an earlier try may have got no further than the shutdown
            await self._proxmox.start(vmid=vmid, node=node, budget=budget)
        return not there
