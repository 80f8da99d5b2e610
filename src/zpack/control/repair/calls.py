"""The calls that a plan names: every one that changes something outside, in the words of the system."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zpack.control.publishing.links import rehearsed
from zpack.control.publishing.models import MINECRAFT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.control.outside.proxmox import Guest
    from zpack.control.publishing.links import Link
    from zpack.control.publishing.models import Place


@dataclass(frozen=True)
class Call:
    """One call that changes something outside."""

    system: str
    method: str
    path: str
    parameters: dict[str, str | int] = field(default_factory=dict[str, "str | int"])

    def wire(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "system": self.system,
            "method": self.method,
            "path": self.path,
            "parameters": self.parameters,
        }


async def edge_calls(links: Iterable[Link], place: Place, *, on: bool) -> list[Call]:
    """Return the calls that publish a place, or take it off every link it may be on. Raises ForeignError."""
    known = bool(place.endpoints)
    calls: list[Call] = []
    for link in links:
        if known and not link.wants(place):
            continue
        if link.name == "velocity":
            where: dict[str, str | int] = {"address": place.ip, "port": MINECRAFT_PORT} if on else {}
            word = "register" if on else "unregister"
            calls.append(Call(link.name, "POST", f"/zpack/{word}", {"server_name": place.hostname, **where}))
            continue
        for text in await rehearsed(link, place, on=on):
            method, _, path = text.partition(" ")
            calls.append(Call(link.name, method, path))
    return calls


def proxmox(method: str, guest: Guest, tail: str = "", **parameters: str | int) -> Call:
    """Return a call about one container."""
    return Call("proxmox", method, f"/nodes/{guest.node}/lxc/{guest.vmid}{tail}", parameters)
