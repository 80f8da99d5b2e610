"""Reaches every configured system and says what is wrong and what to do, one line each."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zpack.control.db.migrations import newest
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox_survey import Wanted, survey
from zpack.control.wiring.checks import build_checks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.control.settings import Settings
    from zpack.control.wiring import Clients

SECONDS = 5.0
_EDGE = {"velocity": "edge"}
"""The one link that every platform has goes by the name of its place."""
SKEW_SECONDS = 5.0
DISK_LEAST = 1 << 30
ADVICE = {
    "database": "is PostgreSQL running, and DATABASE_URL right?",
    "redis": "is Redis running, and REDIS_URL right?",
    "proxmox": "see PROXMOX_HOST, PROXMOX_API_TOKEN and PROXMOX_VERIFY_TLS",
    "edge": "see VELOCITY_URL and ZPACK_SECRET",
    "artifacts": "see ARTIFACT_BASE_URL",
    "stripe": "see STRIPE_SECRET_KEY",
}
"""What to look at first when a system does not answer as it should."""


async def examine(settings: Settings, clients: Clients) -> dict[str, str | None]:
    """Return each system's complaint, or None when it is well."""
    checks = build_checks(settings, clients, seconds=SECONDS)
    named = {_EDGE.get(name, name): check for name, check in checks.items()}
    found = {name: await _complaint(name, check) for name, check in named.items()}
    if found["database"] is None:
        found |= await _database(clients)
    if found["proxmox"] is None:
        found |= await _cluster(settings, clients)
    return found | {"disk": _disk(), "port": await _port(settings.host, settings.port)}


async def _complaint(name: str, check: Callable[[], Awaitable[Any]]) -> str | None:
    try:
        async with asyncio.timeout(2 * SECONDS):
            await check()
    except Exception as failure:  # noqa: BLE001 - whatever is wrong is what we were asked for
        said = f"{type(failure).__name__}: {failure}".splitlines()[0][:300]
        return f"{said}; {ADVICE[name]}" if name in ADVICE else said
    return None


async def _database(clients: Clients) -> dict[str, str | None]:
    """Return how its schema and its clock agree with ours."""
    revision, clock = await clients.database.schema()
    wanted, skew = newest(), clock - time.time()
    behind = f"the schema is at {revision}, this program needs {wanted}; run 'zpack migrate'"
    apart = f"the database's clock is {skew:+.0f} s from ours; let both follow one time server"
    return {
        "schema": None if revision == wanted else behind,
        "clock": None if abs(skew) <= SKEW_SECONDS else apart,
    }


async def _cluster(settings: Settings, clients: Clients) -> dict[str, str | None]:
    """Return what of all that the settings name is not there."""
    wanted = Wanted(
        node=settings.proxmox_node,
        template=settings.template_vmid,
        storage=settings.proxmox_storage,
        pool=settings.proxmox_pool,
        bridges=frozenset({settings.bridge, settings.dev_bridge}),
    )
    try:
        return await survey(clients.proxmox, wanted, Budget.seconds(2 * SECONDS))
    except ForeignError as failure:
        return {"proxmox survey": failure.message}


def _disk() -> str | None:
    """Return a complaint when the disk of the data folder is nearly full."""
    home = Path(os.environ.get("ZPACK_HOME") or Path.cwd())
    while not home.exists():
        home = home.parent
    free = shutil.disk_usage(home).free
    return None if free >= DISK_LEAST else f"only {free >> 20} MiB are free at {home}; make room"


async def _port(host: str, port: int) -> str | None:
    """Return a complaint when something that is not this API holds its port."""
    try:
        with socket.create_server((host, port)):
            return None
    except OSError as failure:
        http = ForeignHttp(name="the port's holder")
        try:
            url = f"http://{host}:{port}/api/health"
            answer = await http.request("GET", url, budget=Budget.seconds(SECONDS))
        except ForeignError:
            return f"port {port} of {host} cannot be had ({failure.strerror}); set HOST or PORT"
        finally:
            await http.close()
    body = answer.json
    ours = isinstance(body, dict) and body.get("service") == "zpack-api"
    return None if ours else f"something else listens on port {port} of {host}; set PORT"
