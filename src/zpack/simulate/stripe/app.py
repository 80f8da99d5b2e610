"""The server: the API, the pages, the operator's door, deliveries, and time that passes by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from zpack.simulate.stripe.billing.due import pass_time
from zpack.simulate.stripe.delivery import Deliveries
from zpack.simulate.stripe.door import BODY_LIMIT, Door
from zpack.simulate.stripe.pages import Pages
from zpack.simulate.stripe.rehearsal import Rehearsal

if TYPE_CHECKING:
    import socket

    from zpack.simulate.stripe.world import World

log = logging.getLogger("zpack.simulate.stripe")
TICK_SECONDS = 1.0


class Server:
    """Serves one account on a listening socket until ``close``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deliveries = Deliveries(world)
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> str:
        """Serve; return the address."""
        host, port = listener.getsockname()[:2]
        self._world.settings.base_url = self._world.settings.base_url or f"http://{host}:{port}"
        door = Door(self._world)
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes(Pages(self._world).routes())
        app.add_routes(Rehearsal(self._world, self._deliveries, door).routes())
        app.router.add_route("*", r"/{path:[\s\S]*}", door.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        self._deliveries.start()
        self._ticking = asyncio.create_task(self._tick())
        return f"{host}:{port}"

    async def close(self) -> None:
        """End, and write what is to be kept."""
        if self._ticking:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        await self._deliveries.close()
        if self._runner:
            await self._runner.cleanup()
        self._world.store.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                pass_time(self._world, None, self._world.wall())
                self._world.store.flush()
            except Exception:
                log.exception("time did not pass")
