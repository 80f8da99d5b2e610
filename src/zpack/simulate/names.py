"""``zpack simulate cloudflare`` and ``zpack simulate technitium``: DNS systems with zones in memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zpack.simulate.cloudflare.app import BASE, LIMIT, Account
from zpack.simulate.serving import serve
from zpack.simulate.technitium.app import Server
from zpack.simulate.technitium.records import Refused

if TYPE_CHECKING:
    import argparse
    import asyncio
    import socket

    from zpack.simulate.calls import Calls


def add_names(systems: Any) -> None:
    """Add both commands."""
    cloudflare = systems.add_parser("cloudflare", help="Cloudflare's DNS API: docs/simulate-dns.md")
    _options(cloudflare, port=12112, variable="CLOUDFLARE_API_TOKEN")
    cloudflare.add_argument(
        "--limit", type=int, default=LIMIT, help=f"calls that five minutes may have ({LIMIT})"
    )
    cloudflare.add_argument("--zone-id", help="id of the first zone; by default a random one")
    cloudflare.set_defaults(serve=_cloudflare)
    technitium = systems.add_parser("technitium", help="Technitium's HTTP API: docs/simulate-dns.md")
    _options(technitium, port=12114, variable="TECHNITIUM_API_TOKEN")
    technitium.set_defaults(serve=_technitium)


def _options(parser: argparse.ArgumentParser, *, port: int, variable: str) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=port, help=f"port ({port}); 0: any free one")
    parser.add_argument("--zone", action="append", required=True, help="a zone it has; may be repeated")
    parser.add_argument(
        "--token",
        default=os.environ.get(variable) or None,
        help=f"the only token let in ({variable}); without it any",
    )
    parser.add_argument("--fault", type=Path, help="JSON file: what goes wrong on purpose")


async def _cloudflare(options: argparse.Namespace, listener: socket.socket, stop: asyncio.Event) -> None:
    account = Account(options.zone, token=options.token, limit=options.limit)
    if options.zone_id:
        first = account.zone(options.zone[0].lower())
        account.zones[options.zone_id] = account.zones.pop(first.id)
        first.id = options.zone_id
    _plan(account.calls, options.fault)
    await serve("cloudflare", account.app(), listener, stop, path=BASE)


async def _technitium(options: argparse.Namespace, listener: socket.socket, stop: asyncio.Event) -> None:
    try:
        server = Server(options.zone, token=options.token)
    except Refused as failure:
        raise ValueError(str(failure)) from failure
    _plan(server.calls, options.fault)
    await serve("technitium", server.app(), listener, stop, path="/api")


def _plan(calls: Calls, file: Path | None) -> None:
    """Read what ``--fault`` names. Raises OSError, ValueError."""
    if file:
        calls.faults.plan(json.loads(file.read_text()))
