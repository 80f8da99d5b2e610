"""``zpack localpve``: a Proxmox-VE-compatible node on this machine."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.lifetime import allow_many_connections, follow_parent, say_ready
from zpack.localpve.access import Access
from zpack.localpve.app import Doorkeeper
from zpack.localpve.backends.base import BackendError
from zpack.localpve.backends.choice import Unavailable, choose
from zpack.localpve.faults import Faults, Mischief, node_names
from zpack.localpve.history import History
from zpack.localpve.node import Node
from zpack.localpve.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Generator

log = logging.getLogger("zpack.localpve")


def main(argv: list[str] | None = None) -> int:
    """Run the node until SIGTERM; return 0, or 1 when it cannot start."""
    options = _parser().parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    follow_parent()
    if not options.token:
        sys.stderr.write("localpve: --token or LOCALPVE_TOKEN is required\n")
        return 1
    try:
        if options.isolation == "sim":
            import uvloop  # noqa: PLC0415 - thousands of scripted agents need a fast loop

            uvloop.run(run(options))
        else:
            asyncio.run(run(options))
    except (Unavailable, BackendError, OSError, ValueError) as failure:
        sys.stderr.write(f"localpve: {failure}\n")
        return 1
    return 0


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT. Raises Unavailable, OSError, ValueError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    home: Path = options.home.resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(home):
        await _serve(options, home, stop)


async def _serve(options: argparse.Namespace, home: Path, stop: asyncio.Event) -> None:
    listener = _listen(options.host, options.port)
    choice = await choose(
        options.isolation,
        home=home,
        network=options.network,
        subnet=options.subnet,
        sim_script=_script(options),
    )
    if choice.backend.name == "sim":  # others start customers' programs, which inherit the limit
        allow_many_connections()
    faults = Faults.parse(_faults_file(options).get("proxmox", {}))
    mischief = Mischief(faults)
    log.info("%s", choice.line)
    access = Access(options.token)
    tasks = Tasks(node=options.node, user=access.user, history=History(home / "tasks.jsonl"))
    node = Node(
        name=options.node,
        home=home,
        backend=choice.backend,
        tasks=tasks,
        subnet=options.subnet,
        names=node_names(options.node, faults.nodes),
    )
    await node.resume()
    door = Doorkeeper(node=node, access=access, mischief=mischief)
    runner = web.AppRunner(door.app(), access_log=None, shutdown_timeout=2)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    host, port = listener.getsockname()[:2]
    backend = choice.backend.name
    say_ready("localpve", listen=f"{host}:{port}", backend=backend, isolation=choice.line)
    moving = asyncio.create_task(mischief.migrate(node))
    measuring = asyncio.create_task(node.rrd.run())
    await stop.wait()
    moving.cancel()
    measuring.cancel()
    await runner.cleanup()
    await node.close()


@contextmanager
def _alone(home: Path) -> Generator[None]:
    """Hold the home: a second localpve would end our guests as left-overs. Raises OSError."""
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another localpve runs in {home}"
            raise OSError(msg) from None
        yield


def _faults_file(options: argparse.Namespace) -> dict[str, Any]:
    """Return what ``--faults`` names. Raises OSError, ValueError."""
    body = json.loads(options.faults.read_text()) if options.faults else {}
    if not isinstance(body, dict):
        msg = f"{options.faults}: the faults must be an object"
        raise ValueError(msg)  # noqa: TRY004 - a wrong file, not a wrong type of ours
    return body


def _script(options: argparse.Namespace) -> dict[str, Any]:
    """Return how scripted agents behave. Raises OSError, ValueError."""
    if options.sim_script:
        return json.loads(options.sim_script.read_text())
    return _faults_file(options).get("agents", {})


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as failure:
        msg = f"cannot listen on {host}:{port} (LOCALPVE_PORT): {failure.strerror}"
        raise OSError(msg) from failure
    return listener


def _parser() -> argparse.ArgumentParser:
    home = Path(os.environ.get("ZPACK_HOME", ".")) / "localpve"
    parser = argparse.ArgumentParser(
        prog="zpack localpve",
        description="A Proxmox-VE-compatible node that starts containers on this machine.",
    )
    add = parser.add_argument
    add("--home", type=Path, default=home, help="folder of the node's ledger, templates and guests")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add(
        "--port", type=int, default=int(os.environ.get("LOCALPVE_PORT", "8006")), help="port; 0: any free one"
    )
    add("--node", default="local", help="name of the node (local)")
    add("--token", default=os.environ.get("LOCALPVE_TOKEN", ""), help="USER@REALM!ID=SECRET (LOCALPVE_TOKEN)")
    add("--isolation", choices=["auto", "lxc", "process", "sim"], default="auto", help="how guests run")
    add("--network", choices=["loopback", "bridge"], default="loopback", help="how guests are reached")
    add("--subnet", default="127.77.0.0/16", help="loopback addresses of guests (127.77.0.0/16)")
    add("--sim-script", type=Path, help="JSON file: how scripted agents behave")
    add("--faults", type=Path, help="JSON file: what goes wrong on purpose (agents, proxmox)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
