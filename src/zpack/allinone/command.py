"""``zpack up``: start the platform, say how to use it, stop it on Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zpack.allinone.child import ChildFailed
from zpack.allinone.dev_parts import prepare_dev_parts
from zpack.allinone.home import Home, HomeBusy, default_home
from zpack.allinone.options import Options, PortTaken
from zpack.allinone.platform import Platform
from zpack.allinone.postgres import PostgresFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Beside = Callable[[Platform, Callable[[str], None]], Awaitable[None]]

EPILOG = "Data, secrets and logs are kept in the home folder; a second start resumes what was running."


def up(
    home: Annotated[Path | None, typer.Option(help="Folder of all data (ZPACK_HOME).")] = None,
    host: Annotated[str, typer.Option(envvar="HOST", help="Address of every listener.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT", help="API; 0: any free port.")] = 4000,
    edge_port: Annotated[int, typer.Option(envvar="EDGE_PORT", help="Where players connect.")] = 25565,
    edge_registry_port: Annotated[
        int, typer.Option(envvar="EDGE_REGISTRY_PORT", help="The edge's registry API.")
    ] = 8081,
    localpve_port: Annotated[
        int, typer.Option(envvar="LOCALPVE_PORT", help="The local Proxmox-compatible API.")
    ] = 8006,
    artifacts_port: Annotated[int, typer.Option(help="The artifact server; 0: any free port.")] = 0,
    billing: Annotated[
        bool, typer.Option("--billing", help="Sell plans through a simulated Stripe; nobody pays.")
    ] = False,
    stripe_port: Annotated[int, typer.Option(help="With --billing: the simulated Stripe.")] = 12111,
    isolation: Annotated[
        str, typer.Option(help="How servers run: auto, lxc, process, or sim (scripted, nothing runs).")
    ] = "auto",
    network: Annotated[
        str, typer.Option(help="loopback: each server its own 127.x address; bridge: its own network (lxc).")
    ] = "loopback",
    subnet: Annotated[str, typer.Option(help="Addresses of servers.")] = "127.77.0.0/16",
    sim_script: Annotated[Path | None, typer.Option(help="With sim: how scripted servers behave.")] = None,
    domain: Annotated[
        str, typer.Option(envvar="GAME_DOMAIN", help="Domain of servers' names.")
    ] = "zpack.localhost",
    dev: Annotated[
        bool,
        typer.Option(
            "--dev/--no-dev", envvar="ZPACK_DEV", help="Prepare runtimes and IDE for dev containers."
        ),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line when ready.")] = False,
) -> None:
    """Run the whole platform on this machine until Ctrl-C."""
    options = Options(
        home=home or default_home(),
        host=host,
        port=port,
        edge_port=edge_port,
        edge_registry_port=edge_registry_port,
        localpve_port=localpve_port,
        artifacts_port=artifacts_port,
        billing=billing,
        stripe_port=stripe_port,
        isolation=isolation,
        network=network,
        subnet=subnet,
        sim_script=sim_script.resolve() if sim_script else None,
        domain=domain,
        dev=dev and isolation != "sim",
    )
    raise typer.Exit(asyncio.run(run_platform(options, as_json=as_json)))


async def run_platform(options: Options, *, as_json: bool, beside: Beside | None = None) -> int:
    """Run the platform, and ``beside`` it once it is ready, until Ctrl-C; return the exit status."""
    say = _speaker()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are inside asyncio.run
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _interrupted(task, say))
    try:
        with Home(options.home) as home:
            return await _run(home, options.settled(), say, as_json=as_json, beside=beside)
    except (HomeBusy, PortTaken) as failure:
        say(f"zpack: {failure}")
        return 1


async def _run(
    home: Home, options: Options, say: Callable[[str], None], *, as_json: bool, beside: Beside | None
) -> int:
    platform = Platform(home=home, options=options, say=say)
    began = time.monotonic()
    try:
        await platform.start()
        _greet(platform, home, options, say, seconds=time.monotonic() - began, as_json=as_json)
        async with asyncio.TaskGroup() as group:
            group.create_task(platform.watch())
            if options.dev:
                group.create_task(prepare_dev_parts(home.folder("artifacts"), say))
            if beside is not None:
                group.create_task(_awaited(beside(platform, say)))
    except asyncio.CancelledError:
        return 0
    except (ChildFailed, PostgresFailed, ExceptionGroup) as failure:
        for leaf in _leaves(failure):
            if not isinstance(leaf, ChildFailed | PostgresFailed):
                raise
            say(f"zpack: {leaf}")
        return 1
    finally:
        await platform.stop()
        say("stopped")
    return 0


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _greet(
    platform: Platform,
    home: Home,
    options: Options,
    say: Callable[[str], None],
    *,
    seconds: float,
    as_json: bool,
) -> None:
    """Say where everything is; the first administrator's password is shown this once."""
    say(f"ready in {seconds:.1f} s")
    say(platform.isolation)
    say(f"portal:  {platform.portal}")
    say(f"API:     {platform.api}  (documentation: {platform.api}/docs)")
    say(f"players: {options.host}:{options.edge_port}, each server at <name>.{options.domain}")
    if platform.billing is not None:
        say(f"billing: rehearsed with the simulated Stripe at {platform.billing.base}; nobody pays")
    say(f"data:    {home.path}")
    if platform.admin is not None:
        say(f"first administrator: {platform.admin['email']}  password: {platform.admin['password']}")
        say("(shown once) log in with: zpack login --identifier " + platform.admin["email"])
    if as_json:
        line = {
            "ready": True,
            "api": platform.api,
            "portal": platform.portal,
            "edgePort": options.edge_port,
            "registryPort": options.edge_registry_port,
            "localpvePort": options.localpve_port,
            "stripe": platform.billing.base if platform.billing else None,
            "domain": options.domain,
            "isolation": platform.isolation,
            "admin": platform.admin,
            "home": str(home.path),
            "pids": {name: child.pid for name, child in platform.children.items()},
            "seconds": round(seconds, 3),
        }
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    home.shown_admin()


def _interrupted(task: asyncio.Task[int], say: Callable[[str], None]) -> Callable[[], None]:
    """Return what a signal does: the first asks for an orderly stop, the second gives up waiting."""
    seen = 0

    def on_signal() -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            say("stopping (again to force)")
            task.cancel()
        elif seen > 1:
            os._exit(130)

    return on_signal


def _leaves(failure: BaseException) -> list[BaseException]:
    """Return the single failures inside a group of groups."""
    if not isinstance(failure, BaseExceptionGroup):
        return [failure]
    return [leaf for inner in failure.exceptions for leaf in _leaves(inner)]


def _speaker() -> Callable[[str], None]:
    """Return how progress is told: plain lines with the time since the start."""
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:6.1f} s] {text}\n")
        sys.stderr.flush()

    return say
