"""The catalog, read from the artifact store and remembered for a moment."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zpack.control.catalog.models import TYPO, dev_wire, game_wire
from zpack.control.engine.errors import ForeignError, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.outside.artifacts import Artifacts
    from zpack.control.outside.artifacts import Catalog as Games

log = logging.getLogger("zpack.catalog")
FRESH_SECONDS, PATIENCE_SECONDS = 10.0, 0.5
Found = TypeVar("Found")


class CatalogAway(Refusal):
    """The artifact server does not answer and nothing is remembered."""

    kind = "unavailable"
    code = "catalog_unavailable"


class NotInCatalog(Refusal):
    """No such game, variant or version; ``details.available`` lists what there is."""

    code = "not_in_catalog"


class IdeNotPrepared(Refusal):
    """The artifact store holds no browser IDE, or not yet."""

    kind = "unavailable"
    code = "ide_not_prepared"


class Remembered(Generic[Found]):
    """One catalog, read again when it is older than a moment, for everybody who asks meanwhile at once."""

    def __init__(self, read: Callable[[], Awaitable[Found]]) -> None:
        self._read = read
        self._found: Found | None = None
        self._until = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def current(self) -> Found:
        """Return the catalog, the last one while there is an outage. Raises CatalogAway.

        Who could be given the last one does not wait for a store that hangs.
        """
        if self._found is None or time.monotonic() > self._until:
            reading = self._reading = self._reading or asyncio.create_task(self._renew(), name="catalog")
            await asyncio.wait({reading}, timeout=None if self._found is None else PATIENCE_SECONDS)
            if reading.done():
                reading.result()
        if self._found is None:
            raise CatalogAway("The catalog cannot be read just now.")
        return self._found

    async def _renew(self) -> None:
        try:
            self._found = await self._read()
        except ForeignError as failure:
            log.warning("the catalog cannot be read: %s", failure)
        finally:
            self._until = time.monotonic() + FRESH_SECONDS
            self._reading = None


class Catalog:
    """What can be created now. An outage of the artifact server is bridged by the last answer."""

    def __init__(self, *, artifacts: Artifacts) -> None:
        self._games: Remembered[Games] = Remembered(artifacts.game_catalog)
        self._runtimes: Remembered[dict[str, list[str]]] = Remembered(artifacts.dev_catalog)
        self._artifacts = artifacts

    async def games(self) -> dict[str, Any]:
        """Return the game catalog. Raises CatalogAway."""
        return game_wire(await self._games.current())

    async def runtimes(self) -> dict[str, Any]:
        """Return the dev catalog. Raises CatalogAway."""
        return dev_wire(await self._runtimes.current())

    async def check_game(self, *, game: str, variant: str, version: str) -> None:
        """Raise NotInCatalog unless this can be created; CatalogAway when that cannot be known."""
        catalog = await self._games.current()
        if game not in catalog:
            raise NotInCatalog(f"There is no game '{game}'.", details={"available": sorted(catalog)})
        variants = {name: found for name, found in catalog[game].items() if found and name != TYPO}
        if variant not in variants:
            message = f"There is no variant '{variant}' of {game}."
            raise NotInCatalog(message, details={"available": sorted(variants)})
        if version not in variants[variant]:
            message = f"There is no version '{version}' of {variant}."
            raise NotInCatalog(message, details={"available": variants[variant]})

    async def check_dev(self, *, runtime: str, version: str) -> None:
        """Raise NotInCatalog unless the runtime can be installed; CatalogAway when that cannot be known."""
        catalog = {name: versions for name, versions in (await self._runtimes.current()).items() if versions}
        if runtime not in catalog:
            raise NotInCatalog(f"There is no runtime '{runtime}'.", details={"available": sorted(catalog)})
        if version not in catalog[runtime]:
            message = f"There is no version '{version}' of {runtime}."
            raise NotInCatalog(message, details={"available": catalog[runtime]})

    async def check_code_server(self) -> None:
        """Raise IdeNotPrepared unless there is a browser IDE; CatalogAway when that cannot be known."""
        try:
            there = await self._artifacts.has_code_server()
        except ForeignError as failure:
            raise CatalogAway("The catalog cannot be read just now.") from failure
        if not there:
            raise IdeNotPrepared("The browser IDE is not prepared yet; try again in some minutes.")
