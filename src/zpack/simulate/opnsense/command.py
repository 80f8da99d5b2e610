"""``zpack simulate opnsense``: its options and its life."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.lifetime import say_ready
from zpack.simulate.opnsense.door import BODY_LIMIT, Door
from zpack.simulate.opnsense.firewall import Firewall

if TYPE_CHECKING:
    import argparse
    import asyncio
    import socket


def add_parser(systems: Any) -> None:
    """Add the options."""
    parser = systems.add_parser("opnsense", help="OPNsense's firewall API: docs/simulate-opnsense.md")
    parser.set_defaults(serve=serve)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=12113, help="port (12113); 0: any free one")
    add("--key", default=os.environ.get("OPNSENSE_API_KEY", "key"), help="the key (OPNSENSE_API_KEY, or key)")
    add(
        "--secret",
        default=os.environ.get("OPNSENSE_API_SECRET", "secret"),
        help="its secret (OPNSENSE_API_SECRET, or secret)",
    )
    add("--certificate", type=Path, help="PEM file with certificate and key; without it plain HTTP")
    add("--rollback-seconds", type=float, default=60.0, help="until an apply goes back by itself (60)")


async def serve(options: argparse.Namespace, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until told to stop. Raises OSError."""
    door = Door(Firewall(rollback_seconds=options.rollback_seconds), key=options.key, secret=options.secret)
    context: ssl.SSLContext | None = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    app = web.Application(client_max_size=BODY_LIMIT)
    app.add_routes(door.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener, ssl_context=context).start()
    host, port = listener.getsockname()[:2]
    url = f"{'https' if context else 'http'}://{host}:{port}/api"
    say_ready("simulate-opnsense", listen=f"{host}:{port}", url=url)
    await stop.wait()
    await runner.cleanup()
