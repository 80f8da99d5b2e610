"""The simulated Stripe behind a real socket, and Stripe's own client in front of it."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import stripe

from zpack.simulate.stripe.app import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from zpack.simulate.stripe.world import World


@asynccontextmanager
async def simulated(world: World) -> AsyncIterator[str]:
    """Serve a world; yield its base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = Server(world)
    yield f"http://{await server.start(listener)}"
    await server.close()


@asynccontextmanager
async def official_client(base: str, key: str) -> AsyncIterator[stripe.StripeClient]:
    """Give Stripe's own client, pointed at a base URL."""
    http = stripe.AIOHTTPClient()
    yield stripe.StripeClient(key, base_addresses={"api": base}, http_client=http)
    await http.close_async()
