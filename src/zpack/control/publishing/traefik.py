"""Traefik as a link: games that are reached by address and port (contract §6.5).

Two drivers give Traefik what it shall do. With the HTTP provider it fetches that from our own API, which
reads the rows: there is nothing to write, and nothing that could drift. With the file provider we write one
file per server. Both are believed only when Traefik's own API says so; without it they are acknowledged.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.traefik_words import (
    HOSTNAME,
    Road,
    entry_point,
    fingerprint,
    refusals_in,
    roads_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zpack.control.outside.traefik import Traefik
    from zpack.control.outside.traefik_files import TraefikFiles
    from zpack.control.publishing.models import Place

SECONDS = 10.0
"""Traefik takes up a change after its poll and its throttle, two seconds each unless it is told otherwise."""
LOOK_SECONDS = 0.3
UNVERIFIED = "acknowledged, unverified"


class Driver(Protocol):
    """How Traefik comes by its configuration."""

    provider: str
    """What Traefik calls it: the word after ``@`` in names."""

    async def put(self, hostname: str, roads: tuple[Road, ...]) -> dict[str, Any]:
        """Make the configuration contain the roads; return evidence. Raises ForeignError."""
        ...

    async def drop(self, hostname: str) -> dict[str, Any]:
        """Make it contain none of a server; return evidence. Raises ForeignError."""
        ...

    async def listed(self) -> Mapping[str, list[Road]] | None:
        """Return what it contains by host name; None: only Traefik can tell. Raises ForeignError."""
        ...

    async def suspicion(self) -> str:
        """Return why Traefik may not have taken it up."""
        ...


class ByHttp:
    """Traefik fetches ``/internal/traefik/config``, which is made from the rows."""

    provider = "http"

    async def put(self, hostname: str, roads: tuple[Road, ...]) -> dict[str, Any]:
        """Do nothing: the row says it already."""
        del hostname, roads
        return {}

    async def drop(self, hostname: str) -> dict[str, Any]:
        """Do nothing: the row says so already."""
        del hostname
        return {}

    async def listed(self) -> None:
        """Say nothing: only Traefik knows when it fetched last."""

    async def suspicion(self) -> str:
        """Name what is usually wrong."""
        return "is its HTTP provider told our address and token?"


class ByFile:
    """One file per server in a directory that Traefik watches."""

    provider = "file"

    def __init__(self, *, files: TraefikFiles) -> None:
        self._files = files

    async def put(self, hostname: str, roads: tuple[Road, ...]) -> dict[str, Any]:
        """Write the server's file."""
        return {"file": await self._files.write(hostname, roads)}

    async def drop(self, hostname: str) -> dict[str, Any]:
        """Remove the server's file."""
        return {"file": await self._files.remove(hostname)}

    async def listed(self) -> Mapping[str, list[Road]]:
        """Read our files."""
        return await self._files.listed()

    async def suspicion(self) -> str:
        """Name files that no parser reads: one of them keeps Traefik from all the others."""
        broken = await self._files.broken()
        return f"broken beside it: {', '.join(broken)}" if broken else "does it watch our directory?"


class TraefikLink:
    """Leads public ports to games that are not Minecraft."""

    name = "traefik"

    def __init__(
        self,
        *,
        driver: Driver,
        traefik: Traefik | None,
        has_port: Callable[[str, int], bool],
        seconds: float = SECONDS,
    ) -> None:
        self._driver = driver
        self._traefik = traefik
        self._has_port = has_port
        self._seconds = seconds
        self._looking = asyncio.Lock()
        self._looks = 0
        self._seen: dict[str, Any] = {}

    def wants(self, place: Place) -> bool:
        """Say whether players come by a port of ours."""
        ports = [self._has_port(one.protocol, one.number) for one in place.endpoints]
        return place.ctype == "game" and not place.minecraft and bool(ports) and all(ports)

    async def put(self, place: Place) -> dict[str, Any]:
        """Give Traefik the server's roads and wait until it has taken them up.

        Raises ForeignError when it refuses them, or does not take them up in time.
        """
        roads = _roads(place)
        told = await self._driver.put(place.hostname, roads)
        evidence = {
            **told,
            "provider": self._driver.provider,
            "address": [f"{place.fqdn}:{road.number}" for road in roads],
            "routers": [f"{road.name}@{self._driver.provider}" for road in roads],
            "entryPoints": [entry_point(road.protocol, road.number) for road in roads],
        }
        return evidence | await self._verified(place.hostname, self.wanted(place))

    async def drop(self, place: Place) -> dict[str, Any]:
        """Take the server's roads away and wait until Traefik has forgotten them."""
        if not HOSTNAME.fullmatch(place.hostname):
            return {}
        told = await self._driver.drop(place.hostname)
        evidence = {**told, "provider": self._driver.provider}
        return evidence | await self._verified(place.hostname, None)

    async def listed(self) -> Mapping[str, str] | None:
        """Return what leads where: of our files as they lie there, else as Traefik tells it."""
        roads = await self._driver.listed()
        if roads is None and self._traefik is not None:
            roads = roads_in(await self._looked(self._traefik), self._driver.provider)
        return None if roads is None else {name: _mark(found) for name, found in roads.items()}

    def wanted(self, place: Place) -> str:
        """Return what must lead where."""
        return _mark(_made(place))

    async def check(self) -> None:
        """Ask for Traefik's version, and look into the directory."""
        await self._driver.listed()
        if self._traefik is not None:
            await self._traefik.version()

    async def close(self) -> None:
        """Close the session."""
        if self._traefik is not None:
            await self._traefik.close()

    async def rehearse(self, place: Place, *, on: bool) -> list[str]:
        """Return what Traefik would be given; with the HTTP provider nothing is called."""
        word = "add" if on else "remove"
        return [f"{self._driver.provider} provider: {word} {road.name} {road.mark}" for road in _made(place)]

    async def _verified(self, hostname: str, wanted: str | None) -> dict[str, Any]:
        """Wait until Traefik says that it does what is wanted; None: nothing of this server.

        Raises ForeignError. A Traefik whose API cannot be asked is believed.
        """
        if self._traefik is None:
            return {"verified": False, "detail": UNVERIFIED}
        budget = Budget.seconds(self._seconds)
        while True:
            try:
                raw = await self._looked(self._traefik)
            except ForeignError as away:
                return {"verified": False, "detail": f"{UNVERIFIED}: {away.message}"}
            roads = roads_in(raw, self._driver.provider).get(hostname)
            if (None if roads is None else _mark(roads)) == wanted:
                return {"verified": True, "seenAt": datetime.now(UTC).isoformat()}
            if wanted is not None and (refused := refusals_in(raw, hostname, self._driver.provider)):
                raise ForeignError(f"Traefik refuses it: {'; '.join(refused)[:200]}", transient=False)
            if budget.left < LOOK_SECONDS:
                raise await self._late(hostname, wanted)
            await asyncio.sleep(LOOK_SECONDS)

    async def _late(self, hostname: str, wanted: str | None) -> ForeignError:
        done = "forgotten" if wanted is None else "taken up"
        why = await self._driver.suspicion()
        message = f"Traefik has not {done} {hostname} within {self._seconds:g} s: {why}"
        return ForeignError(message, transient=True)

    async def _looked(self, traefik: Traefik) -> dict[str, Any]:
        """Return what Traefik said after now; all who wait for one answer share it."""
        enough = self._looks + 1
        async with self._looking:
            if self._looks < enough:
                self._looks += 1
                try:
                    self._seen = await traefik.taken_up()
                except ForeignError:
                    self._looks -= 1
                    raise
            return self._seen


def _roads(place: Place) -> tuple[Road, ...]:
    """Return a server's roads. Raises ForeignError when one cannot be written down."""
    roads = _made(place)
    if not all(road.sound for road in roads):
        message = "host name, address or port of this server cannot be written down for Traefik"
        raise ForeignError(message, transient=False)
    return roads


def _made(place: Place) -> tuple[Road, ...]:
    return tuple(
        Road(place.hostname, one.protocol, one.number, place.ip, one.target) for one in place.endpoints
    )


def _mark(roads: tuple[Road, ...] | list[Road]) -> str:
    return fingerprint(road.mark for road in roads)
