"""PostgreSQL and Redis of their own, rows of servers that exist already, and their agents' processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psycopg
from tests.support.postgres import fresh_database, migrated_template, postgres
from tests.support.redis import redis_server

from zpack.allinone.child import ends_with_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent.parent
PER_PROCESS = 2500
INSERT = (
    "insert into instances (vmid, customer_id, ctype, hostname, ip, allocated_ports, payload, agent_state,"
    " crash_count) values (%s, %s, 'game', %s, %s, '[]', %s, 'running', 0)"
)


def vmid_of(number: int) -> int:
    """Return the VMID of an agent's server; the first 2,000 lie in the ranges the API serves."""
    return 4999 + number


def address(number: int) -> str:
    """Return the loopback address of an agent."""
    return f"127.{70 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


@dataclass(frozen=True)
class Ground:
    """What a benchmark stands on."""

    database: str
    redis: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of the control plane; Proxmox and the game proxy are not there."""
        nowhere = "http://127.0.0.1:9"
        return {
            "HOST": "127.0.0.1",
            "PORT": "0",
            "DATABASE_URL": self.database,
            "REDIS_URL": self.redis,
            "API_AUTH_SECRET": "an access secret for benchmarks, long enough",
            "ZPACK_AGENT_SECRET": "an agent secret for benchmarks, long enough",
            "ZPACK_SECRET": "an edge secret for benchmarks",
            "PROXMOX_HOST": nowhere,
            "PROXMOX_NODE": "local",
            "PROXMOX_API_TOKEN": "root@pam!zpack=x",
            "VELOCITY_URL": nowhere,
            "ARTIFACT_BASE_URL": nowhere,
            "LOG_LEVEL": "ERROR",
        }

    def add_servers(self, owner: str | None, numbers: Sequence[int]) -> None:
        """Write a published server for each number."""
        with psycopg.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.executemany(INSERT, [_row(owner, number) for number in numbers])
            cursor.execute("analyze")


def _row(owner: str | None, number: int) -> tuple[Any, ...]:
    vmid = vmid_of(number)
    hostname = f"mc-flying-squid-{vmid}"
    edge = {
        "state": "published",
        "hostname": hostname,
        "fqdn": f"{hostname}.zpack.localhost",
        "velocity": {"registered": True, "verified": True},
    }
    payload = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "edge": edge}
    return vmid, owner, hostname, address(number), json.dumps(payload)


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Run PostgreSQL and Redis."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres(folder, durable=True))
        database = stack.enter_context(fresh_database(url, migrated_template(url)))
        yield Ground(database, stack.enter_context(redis_server(folder)))


@contextmanager
def agents(count: int) -> Iterator[None]:
    """Run this many agents, in as many processes as their open files need."""
    started = [
        program("benchmarks.support.agents", str(first), str(min(PER_PROCESS, count - first + 1)))
        for first in range(1, count + 1, PER_PROCESS)
    ]
    try:
        for process in started:
            ready_line(process)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


@contextmanager
def game_proxy(folder: Path, api: str) -> Iterator[dict[str, str]]:
    """Run an edge that calls this API back; the API's settings for it."""
    home = folder / "edge"
    home.mkdir()
    secret = {"ZPACK_SECRET": "an edge secret for benchmarks"}
    own = {"EDGE_PORT": "0", "EDGE_REGISTRY_PORT": "0", "EDGE_HOME": str(home)}
    own["ZPACK_PROXY_STATUS_ENDPOINT"] = f"{api}/internal/velocity/proxy-status"
    with (home / "log").open("w") as log:
        process = program("zpack.edge", environment=own | secret, log=log)
    try:
        yield {"VELOCITY_URL": f"http://{ready_line(process)['registry']}"} | secret
    finally:
        ended(process)


def program(
    module: str, *words: str, environment: dict[str, str] | None = None, log: IO[str] | None = None
) -> subprocess.Popen[str]:
    """Start a Python program that ends with us; without a log its complaints are shown."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, **(environment or {}), **ends_with_us()},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def ready_line(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the next JSON line a program prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"{process.args} ended"
    return json.loads(line)


def ended(process: subprocess.Popen[str]) -> None:
    """End a program."""
    process.send_signal(signal.SIGTERM)
    process.wait()
