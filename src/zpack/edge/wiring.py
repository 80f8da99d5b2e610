"""Builds the edge from its settings, opens its two doors, closes them in order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.edge import rehydrate
from zpack.edge.callbacks import Callbacks
from zpack.edge.players import PlayerPort
from zpack.edge.registry import Registry
from zpack.edge.table import Table
from zpack.edge.wakes import Wakes
from zpack.edge.watch import Watch

if TYPE_CHECKING:
    from zpack.edge.settings import Settings

log = logging.getLogger("zpack.edge")
REGISTRY_SHUTDOWN_SECONDS = 2.0
Where = tuple[str, int]


class Edge:
    """All parts of a running edge; make it inside its event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.table = Table(path=settings.home / "registry.json", domain=settings.domain)
        self.callbacks = Callbacks(endpoint=settings.endpoint, secret=settings.secret)
        self.watch = Watch(callbacks=self.callbacks, rhythm=settings.rhythm)
        self.wakes = Wakes(endpoint=settings.endpoint, secret=settings.secret)
        self.players = PlayerPort(table=self.table, terms=settings.terms, wakes=self.wakes)
        self.registry = Registry(table=self.table, watch=self.watch, wakes=self.wakes, secret=settings.secret)
        self._runner: web.AppRunner | None = None

    async def open(self) -> tuple[Where, Where]:
        """Load the table, open the players' port and the registry, and return where. Raises OSError."""
        settings = self._settings
        self.table.load()
        await self._rehydrate()
        players = await self.players.listen(settings.host, settings.port)
        self.registry.refuse_target(*players)
        self._runner = web.AppRunner(
            self.registry.app(), access_log=None, shutdown_timeout=REGISTRY_SHUTDOWN_SECONDS
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, settings.registry_host, settings.registry_port).start()
        self.registry.resume()
        host, port = self._runner.addresses[0][:2]
        return players, (str(host), int(port))

    async def _rehydrate(self) -> None:
        """Replace what the table remembers by what the API knows, when it can be asked."""
        known = await rehydrate.ask(self._settings.endpoint, self._settings.secret)
        if known is None:
            return
        try:
            await self.table.replace(known)
        except OSError as failure:
            log.warning("what the API knows cannot be kept (%s): the table stays as it was", failure)

    async def close(self) -> None:
        """Close the doors, then what stands behind them."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self.players.close(drain_seconds=self._settings.drain)
        await self.watch.close()
        await self.callbacks.close()
        await self.wakes.close()
