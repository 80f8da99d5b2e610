"""The game proxy as a link: Minecraft servers, by short host name (contract §6.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.models import MINECRAFT_PORT
from zpack.control.publishing.store import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.outside.velocity import Velocity
    from zpack.control.publishing.models import Place


class VelocityLink:
    """Registers Minecraft servers and looks whether the proxy lists them."""

    name = "velocity"

    def __init__(self, *, velocity: Velocity) -> None:
        self._velocity = velocity
        self._looking = asyncio.Lock()
        self._looks = 0
        self._seen: Mapping[str, str] | None = None

    def wants(self, place: Place) -> bool:
        """Say whether players come by the proxy."""
        return place.minecraft

    async def put(self, place: Place) -> dict[str, Any]:
        """Register and verify. One that moved is unregistered first, so that nobody is led to the old place.

        Raises ForeignError, also when the proxy then lists others but not this one (row S33).
        """
        if (self._seen or {}).get(place.hostname, self.wanted(place)) != self.wanted(place):
            await self._velocity.unregister(place.hostname)
        await self._velocity.register(name=place.hostname, address=place.ip, port=MINECRAFT_PORT)
        listed = await self._looked()
        verified = bool(listed) and place.hostname in listed
        if listed and not verified:
            message = f"the game proxy acknowledged {place.hostname} but does not list it"
            raise ForeignError(message, transient=True)
        return {
            "registered": True,
            "verified": verified,
            "serverName": place.hostname,
            "address": place.ip,
            "port": MINECRAFT_PORT,
        }

    async def drop(self, place: Place) -> dict[str, Any]:
        """Unregister, by the name that was registered."""
        await self._velocity.unregister(place.hostname)
        return {"registered": False, "verified": False}

    async def listed(self) -> Mapping[str, str] | None:
        """Return where the proxy leads, by name; None when it lists nothing it could be held to (row S35)."""
        backends = await self._velocity.backends()
        self._seen = None
        if backends is not None:
            self._seen = {name: place_of(one["address"], one["port"]) for name, one in backends.items()}
        return self._seen

    def wanted(self, place: Place) -> str:
        """Return where the proxy must lead."""
        return place_of(place.ip, MINECRAFT_PORT)

    async def check(self) -> None:
        """Ask for the list."""
        await self._velocity.backends()

    async def close(self) -> None:
        """Close the session."""
        await self._velocity.close()

    async def set_asleep(self, *, hostname: str, ip: str, asleep: bool) -> None:
        """Have our edge answer for a server that sleeps, or no longer; a bridge does not look at it."""
        await self._velocity.register(name=hostname, address=ip, port=MINECRAFT_PORT, asleep=asleep)

    async def sleepers(self) -> frozenset[str] | None:
        """Return the names our edge answers for; None of a bridge."""
        return await self._velocity.sleepers()

    async def rehearse(self, place: Place, *, on: bool) -> list[str]:
        """Return the one call."""
        if on:
            return [f"POST /zpack/register {place.hostname} {self.wanted(place)}"]
        return [f"POST /zpack/unregister {place.hostname}"]

    async def _looked(self) -> Mapping[str, str] | None:
        """Return a list the proxy gave after now; all who wait for one share it."""
        enough = self._looks + 1
        async with self._looking:
            if self._looks < enough:
                self._looks += 1
                try:
                    await self.listed()
                except ForeignError:
                    self._looks -= 1
                    raise
            return self._seen
