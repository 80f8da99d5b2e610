"""``zpack simulate``: a foreign system on this machine, to rehearse the platform against."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zpack.lifetime import follow_parent, say_ready
from zpack.simulate.names import add_names
from zpack.simulate.opnsense import command as opnsense
from zpack.simulate.serving import listen
from zpack.simulate.stripe.app import Server
from zpack.simulate.stripe.errors import ApiError
from zpack.simulate.stripe.resources.events import DESTINATION, ENDPOINT, add_destination, add_endpoint
from zpack.simulate.stripe.settings import API_VERSION, Settings
from zpack.simulate.stripe.world import World

if TYPE_CHECKING:
    import socket


def main(argv: list[str] | None = None) -> int:
    """Run a simulation until SIGTERM; return 0, or 1 when it cannot start."""
    options = _parser().parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    follow_parent()
    try:
        asyncio.run(run(options))
    except (ApiError, OSError, ValueError) as failure:
        sys.stderr.write(f"simulate {options.system}: {failure}\n")
        return 1
    return 0


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError, ValueError, ApiError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with contextlib.closing(listen(options.host, options.port)) as listener:
        await options.serve(options, listener, stop)


async def serve_stripe(options: argparse.Namespace, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve Stripe until told to stop. Raises OSError, ValueError, ApiError."""
    world = World(_settings(options), file=options.state)
    with contextlib.closing(world.store):
        if options.fault:
            world.faults.plan(json.loads(options.fault.read_text()))
        _endpoint(world, options)
        server = Server(world)
        address = await server.start(listener)
        say_ready("simulate-stripe", listen=address, url=world.settings.base_url)
        await stop.wait()
        await server.close()


def _settings(options: argparse.Namespace) -> Settings:
    settings = Settings(
        api_version=options.api_version,
        key=options.key or None,
        retry_days=_numbers(options.retry_days),
        exhausted=options.exhausted,
        delivery_seconds=_numbers(options.delivery_seconds),
        base_url=options.public_url.rstrip("/"),
    )
    settings.check()
    return settings


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split(",") if word.strip())


def _endpoint(world: World, options: argparse.Namespace) -> None:
    """Make the endpoint that ``--webhook`` names, unless the kept state knows it already."""
    if not options.webhook:
        return
    if options.payload in {"snapshot", "both"} and not _known(world, ENDPOINT, options.webhook):
        add_endpoint(world, options.webhook, ["*"], options.secret or None)
    if options.payload in {"thin", "both"} and not _known(world, DESTINATION, options.webhook):
        add_destination(
            world, options.webhook, ["*"], payload="thin", name="webhook", secret=options.secret or None
        )


def _known(world: World, kind: str, url: str) -> bool:
    return any(
        row.get("url", (row.get("webhook_endpoint") or {}).get("url")) == url for row in world.store.all(kind)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zpack simulate", description="A foreign system on this machine.")
    systems = parser.add_subparsers(dest="system", required=True)
    add_names(systems)
    opnsense.add_parser(systems)
    _add_stripe(systems)
    return parser


def _add_stripe(systems: Any) -> None:
    stripe = systems.add_parser("stripe", help="Stripe in test mode: docs/simulate-stripe.md")
    stripe.set_defaults(serve=serve_stripe)
    add = stripe.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add("--port", type=int, default=12111, help="port (12111); 0: any free one")
    add("--webhook", default="", metavar="URL", help="where events are delivered; more by the API")
    add(
        "--secret",
        default=os.environ.get("STRIPE_WEBHOOK_SECRET", ""),
        help="secret that signs them (STRIPE_WEBHOOK_SECRET; without it one is made)",
    )
    add("--payload", choices=["snapshot", "thin", "both"], default="snapshot", help="form of the events")
    add(
        "--key",
        default=os.environ.get("STRIPE_SECRET_KEY", ""),
        help="the only key let in; without it any test key",
    )
    add("--state", type=Path, help="file that keeps everything over a restart")
    add("--fault", type=Path, help="JSON file: what goes wrong on purpose")
    add("--retry-days", default="3,5,7", help="days between attempts at an unpaid invoice (3,5,7)")
    add(
        "--exhausted",
        choices=["cancel", "unpaid", "past_due"],
        default="cancel",
        help="what follows the last one",
    )
    add(
        "--delivery-seconds", default="1,5,30,300", help="seconds between attempts at a delivery (1,5,30,300)"
    )
    add(
        "--public-url",
        default="",
        help="base of the hosted pages' addresses, when a browser needs another one",
    )
    add("--api-version", default=API_VERSION, help=f"version that events name ({API_VERSION})")


if __name__ == "__main__":
    sys.exit(main())
