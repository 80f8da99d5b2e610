"""``python -m zpack.edge``: routes players until it is asked to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import uvloop

from zpack.edge.settings import Settings, SettingsError, read_settings
from zpack.edge.wiring import Edge
from zpack.lifetime import allow_many_connections, follow_parent, say_ready


def main(argv: list[str] | None = None) -> int:
    """Run the edge; return 0 after a wanted end, 2 when it cannot start."""
    try:
        settings = read_settings(argv, os.environ)
        logging.basicConfig(
            stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        follow_parent()
        allow_many_connections()
        uvloop.run(serve(settings))
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"zpack edge: {error}\n")
        return 2
    return 0


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError when a port cannot be opened."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    edge = Edge(settings)
    try:
        players, registry = await edge.open()
        listen, registry_listen = (f"{host}:{port}" for host, port in (players, registry))
        say_ready("edge", listen=listen, registry=registry_listen)
        await ending.wait()
    finally:
        await edge.close()


if __name__ == "__main__":
    sys.exit(main())
