"""Several APIs and two workers on one PostgreSQL and one Redis, as a production runs them."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from aiohttp import web

from tests.control.provisioning.counterparts import AgentScripts, every_path
from tests.journeys.stack import Stack
from tests.support.http import Caller
from tests.support.ports import free_port
from tests.support.postgres import debian_postgres
from zpack.allinone.child import Child

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

AGENT_PORT = 18888


class Replicas(Stack):
    """A stack whose control is several processes, and whose PostgreSQL is Debian's as its Redis is."""

    redis_url: str
    programs: dict[str, Child]
    extra: dict[str, str]

    async def open(self) -> None:
        self.programs = debian_postgres()
        await super().open()

    async def start_replicas(self, redis_url: str, *, apis: int = 2, **extra: str) -> None:
        """Start ``api-1``, ``api-2`` …, ``worker-1`` and ``worker-2``."""
        self.redis_url, self.programs, self.extra = redis_url, {}, extra
        for number in range(1, apis + 1):
            self.ports[f"api-{number}"] = self.ports["control"] if number == 1 else free_port()
            port = {"PORT": str(self.ports[f"api-{number}"])}
            await self._program(f"api-{number}", "serve", extra | port)
        for number in (1, 2):
            await self.start_worker(number, **extra)

    async def restart(self, name: str) -> None:
        """SIGTERM one of the programs, wait for its end, start it again."""
        await self.programs[name].stop()
        if name.startswith("api"):
            await self._program(name, "serve", self.extra | {"PORT": str(self.ports[name])})
        else:
            await self.start_worker(int(name[-1]), **self.extra)

    async def start_worker(self, number: int, **extra: str) -> None:
        """Start a worker by its name of old."""
        name = f"worker-{number}"
        await self._program(name, "worker", extra | {"ZPACK_WORKER_ID": name})

    async def _program(self, name: str, command: str, extra: dict[str, str]) -> None:
        child = Child(
            name=name,
            argv=[sys.executable, "-m", "zpack.control", command],
            environment=self.environment | {"REDIS_URL": self.redis_url} | extra,
            home=self.home,
        )
        await child.start()
        self.programs[name] = child

    def kill(self, name: str) -> None:
        """SIGKILL one of the programs."""
        pid = self.programs[name].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def close(self) -> None:
        for child in self.programs.values():
            await child.stop()
        await super().close()

    def shards(self) -> dict[str, set[int]]:
        """Return which shards each living worker holds, as PostgreSQL has it."""
        query = "select worker, shard from work_shards where worker is not null and expires_at > now()"
        found: dict[str, set[int]] = {}
        with psycopg.connect(self.postgres.url) as connection:
            for worker, shard in connection.execute(query):
                found.setdefault(worker, set()).add(shard)
        return found

    def executors(self) -> set[str]:
        """Return the workers that have unfinished workflows."""
        return set(self.rows("select executor_id from dbos.workflow_status where status = 'PENDING'"))

    @asynccontextmanager
    async def at(self, name: str, token: str) -> AsyncIterator[Caller]:
        """Call one of the replicas."""
        async with Caller(self.url(name), token) as caller:
            yield caller


@asynccontextmanager
async def agents_at(places: Iterable[str]) -> AsyncIterator[AgentScripts]:
    """Serve an agent at each of these addresses; it notes every call."""
    scripts = AgentScripts()
    runner = web.AppRunner(every_path(scripts.answer), shutdown_timeout=0.1)
    await runner.setup()
    for ip in places:
        await web.TCPSite(runner, ip, AGENT_PORT).start()
    yield scripts
    await runner.cleanup()


def gaps(moments: list[float]) -> list[float]:
    """Return the seconds between neighbours."""
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


def servers_by_id(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the list's servers by id."""
    return {server["id"]: server for server in body["servers"]}
