"""``zpack fleet``: the whole platform with scripted servers, and faults on purpose, for rehearsals."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zpack.allinone.command import run_platform
from zpack.allinone.home import default_home
from zpack.allinone.options import Options
from zpack.client.accounts import log_in
from zpack.client.errors import ApiAway, ApiProblem
from zpack.client.http import Connection
from zpack.client.servers import create, follow, list_servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from zpack.allinone.platform import Platform

SERVERS_LIMIT = 1000
"""VMIDs of game servers (contract §1.3)."""
AT_ONCE = 16
REPORT_SECONDS = 10.0
SESSION_SECONDS = 1200.0
RESTART_LEAST = 15.0
"""More often, the supervisor would take the proxy's deaths for a fault of its own and give up."""
PROGRESS_EVERY = 25
EMAIL = "fleet@localhost.localdomain"
ORDER = {
    "container_type": "game",
    "game": "minecraft",
    "variant": "flying-squid",
    "memoryMiB": 512,
    "cpuCores": 1,
}


@dataclass(frozen=True)
class Plan:
    """How many servers, and every how many seconds the proxy is killed (0: never)."""

    servers: int
    restart_every: float

    @classmethod
    def read(cls, servers: int, faults: Path | None) -> Plan:
        """Read the part of a faults file that is ours. Raises ValueError."""
        body: Any = json.loads(faults.read_text()) if faults else {}
        proxy = body.get("proxy", {}) if isinstance(body, dict) else None
        every = proxy.get("restart_every", 0) if isinstance(proxy, dict) else None
        if isinstance(every, bool) or not isinstance(every, int | float) or 0 < every < RESTART_LEAST:
            msg = f"proxy.restart_every must be 0 or at least {RESTART_LEAST:.0f} seconds"
            raise ValueError(msg)
        return cls(servers, float(every))


def fleet(
    servers: Annotated[int, typer.Option(min=1, max=SERVERS_LIMIT, help="How many servers.")] = 100,
    faults: Annotated[
        Path | None, typer.Option(help="JSON file: what goes wrong (docs/fleet.md).", exists=True)
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of the rehearsal's data.")] = None,
    host: Annotated[str, typer.Option(envvar="HOST", help="Address of every listener.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="API; 0: any free port.")] = 0,
    edge_port: Annotated[int, typer.Option(help="Where players connect; 0: any free port.")] = 0,
    subnet: Annotated[str, typer.Option(help="Addresses of servers.")] = "127.78.0.0/16",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Rehearse: run the platform with scripted servers until Ctrl-C, with faults when told so."""
    options = Options(
        home=home or default_home().with_name("zpack-fleet"),
        host=host,
        port=port,
        edge_port=edge_port,
        edge_registry_port=0,
        localpve_port=0,
        isolation="sim",
        subnet=subnet,
        faults=faults.resolve() if faults else None,
    )
    try:
        plan = Plan.read(servers, faults)
    except (ValueError, OSError) as failure:
        raise typer.BadParameter(str(failure), param_hint="--faults") from failure

    async def rehearse(platform: Platform, say: Callable[[str], None]) -> None:
        await Rehearsal(platform=platform, plan=plan, say=say, as_json=as_json).run()

    raise typer.Exit(asyncio.run(run_platform(options, as_json=as_json, beside=rehearse)))


class Rehearsal:
    """Creates what is missing through the API, then reports, and kills the proxy now and then."""

    def __init__(self, *, platform: Platform, plan: Plan, say: Callable[[str], None], as_json: bool) -> None:
        self._platform = platform
        self._plan = plan
        self._say = say
        self._as_json = as_json
        self._made = 0
        self._failed = 0

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._fill())
            if self._plan.restart_every:
                group.create_task(self._restart_proxy())

    async def _fill(self) -> None:
        async for connection in self._sessions():
            try:
                missing = self._plan.servers - len(await list_servers(connection))
                if missing > 0:
                    self._say(f"creating {missing} servers")
                    await self._create(connection, missing)
                await self._report(connection)
            except (ApiAway, ApiProblem) as failure:
                self._say(f"fleet: {failure}")
                await asyncio.sleep(REPORT_SECONDS)

    async def _sessions(self) -> AsyncIterator[Connection]:
        """Yield a fresh session whenever the last one is given back."""
        secret = self._platform.secrets.api_auth_secret.encode()
        password = hmac.new(secret, b"the fleet's own account", hashlib.sha256).hexdigest()[:40]
        while True:
            try:
                async with Connection(base_url=self._platform.api) as anyone:
                    token = await _entered(anyone, password)
            except (ApiAway, ApiProblem) as failure:
                self._say(f"fleet: cannot log in: {failure}")
                await asyncio.sleep(REPORT_SECONDS)
                continue
            async with Connection(base_url=self._platform.api, token=token) as connection:
                yield connection

    async def _create(self, connection: Connection, count: int) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        order = {**ORDER, "version": await _version(connection)}

        async def one() -> None:
            async with gate:
                try:
                    url = (await create(connection, order))["statusUrl"]
                    state = [operation async for operation in follow(connection, url)][-1]["status"]
                except (ApiAway, ApiProblem) as failure:
                    self._say(f"a server could not be created: {failure}")
                    state = "failed"
                self._count(made=state == "succeeded")

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one())

    def _count(self, *, made: bool) -> None:
        self._made += made
        self._failed += not made
        if (self._made + self._failed) % PROGRESS_EVERY == 0:
            self._say(f"created {self._made}, failed {self._failed}")

    async def _report(self, connection: Connection) -> None:
        """Say how the servers are, for as long as the session lasts. Raises ApiAway, ApiProblem."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SESSION_SECONDS
        while loop.time() < end:
            found = await list_servers(connection)
            states = Counter(str(server["connection"]["state"]) for server in found)
            told = ", ".join(f"{state} {number}" for state, number in states.most_common())
            self._say(f"{len(found)} servers: {told or 'none'}")
            if self._as_json:
                line = {"servers": len(found), "failed": self._failed, "states": states}
                sys.stdout.write(json.dumps({"fleet": line}) + "\n")
                sys.stdout.flush()
            await asyncio.sleep(REPORT_SECONDS)

    async def _restart_proxy(self) -> None:
        while True:
            await asyncio.sleep(self._plan.restart_every)
            pid = self._platform.children["edge"].pid
            if pid is not None:
                self._say("killing the game proxy")
                os.kill(pid, signal.SIGKILL)


async def _version(connection: Connection) -> str:
    """Return a version of the engine that every home has. Raises ApiAway, ApiProblem."""
    games = (await connection.call("GET", "/api/catalog/game"))["games"]
    variants = next(game for game in games if game["id"] == ORDER["game"])["variants"]
    return str(next(one for one in variants if one["id"] == ORDER["variant"])["versions"][0])


async def _entered(anyone: Connection, password: str) -> str:
    """Return a token of the fleet's account, which is made at the first time. Raises ApiAway, ApiProblem."""
    try:
        return (await log_in(anyone, identifier=EMAIL, password=password)).token
    except ApiProblem as failure:
        if failure.status != 401:  # noqa: PLR2004 - unknown account or wrong password
            raise
    body = {"email": EMAIL, "username": "fleet", "password": password}
    await anyone.call("POST", "/api/auth/register", body=body)
    return (await log_in(anyone, identifier=EMAIL, password=password)).token
