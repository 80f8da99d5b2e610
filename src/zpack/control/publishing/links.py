"""What publishing asks of a foreign system: each of them is one Link (contract §6.1).

A link knows nothing of the others, of rows or of retries. It makes one system hold what a place wants, takes
it off again, and says what the system holds of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.publishing.models import Place

DOORS = frozenset({"velocity", "traefik", "opnsense"})
"""Links that lead players to a container. The others are signposts to a door: names that may stand a while
longer, or come a while later."""
NAMES = ("technitium", "cloudflare", "rfc2136")
"""Links that make names; ``payload.edge.dns`` holds their outcomes."""
KNOWN = (*NAMES, "velocity", "traefik", "opnsense")


class Link(Protocol):
    """One foreign system of publishing."""

    name: str
    """One of ``KNOWN``."""

    def wants(self, place: Place) -> bool:
        """Say whether this server belongs into this system."""
        ...

    async def put(self, place: Place) -> dict[str, Any]:
        """Make the system hold the place, and return the evidence. Putting it again changes nothing.

        Raises ForeignError.
        """
        ...

    async def drop(self, place: Place) -> dict[str, Any]:
        """Take off all the system holds of ours under this host name; what is gone already is success.

        Game, ports and address may be unknown: of a server whose row is gone only the name is left.
        Raises ForeignError.
        """
        ...

    async def listed(self) -> Mapping[str, str] | None:
        """Return all the system holds of ours: short host name → fingerprint. None: it cannot tell.

        What may be a stranger's is left out. Raises ForeignError.
        """
        ...

    def wanted(self, place: Place) -> str:
        """Return the fingerprint that ``listed`` must give for this place."""
        ...

    async def check(self) -> None:
        """Raise ForeignError unless the system answers and lets us in."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


@runtime_checkable
class Rehearsing(Protocol):
    """A link that can say beforehand what it would do."""

    async def rehearse(self, place: Place, *, on: bool) -> list[str]:
        """Return the changing calls of ``put`` or ``drop`` without their secrets, and change nothing."""
        ...


@runtime_checkable
class Answering(Protocol):
    """A link whose system can answer in the place of a server that sleeps."""

    async def set_asleep(self, *, hostname: str, ip: str, asleep: bool) -> None:
        """Have it answer, or no longer. Raises ForeignError."""
        ...

    async def sleepers(self) -> frozenset[str] | None:
        """Return the host names it answers for; None when it knows no sleep. Raises ForeignError."""
        ...


async def rehearsed(link: Link, place: Place, *, on: bool) -> list[str]:
    """Return what a link would do; of one that cannot say it exactly, in general words."""
    if isinstance(link, Rehearsing):
        return await link.rehearse(place, on=on)
    return [f"{link.name}: {'put' if on else 'drop'} {place.hostname}"]
