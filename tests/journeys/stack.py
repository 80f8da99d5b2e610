"""The platform's programs as real processes, with control started and killed by the test itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from proxmoxer import ProxmoxAPI

from tests.support.http import Caller
from tests.support.ports import free_port
from tests.support.slowness import slowness
from zpack.allinone.child import Child
from zpack.allinone.postgres import EmbeddedPostgres
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

EDGE_SECRET = "an edge secret for journeys"
TOKEN = "root@pam!zpack=a-secret-for-journeys"
ADMIN = {"email": "admin@localhost", "password": "an admin password"}
CATALOG = {"games": [{"id": "minecraft", "variants": [{"id": "flying-squid", "versions": ["1.21.4"]}]}]}
WANTED = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "memoryMiB": 512}


def hostname(vmid: int) -> str:
    """Return the host name that rows written by hand have."""
    return f"mc-flying-squid-{vmid}"


def address(network: str, vmid: int) -> str:
    """Return a loopback address that tells its VMID."""
    return f"{network}.{vmid >> 8}.{vmid & 255}"


@dataclass
class Stack:
    """PostgreSQL, artifacts, localpve (sim) and edge; control comes and goes."""

    home: Path
    subnet: str
    script: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    control: Child | None = None
    running: asyncio.subprocess.Process | None = None
    programs: Path | None = None
    """PostgreSQL's; None: the wheel's."""

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOST": "127.0.0.1",
            "PORT": str(self.ports["control"]),
            "DATABASE_URL": self.postgres.url,
            "API_AUTH_SECRET": "an access secret for journeys, long enough",
            "ZPACK_AGENT_SECRET": "an agent secret for journeys, long enough",
            "ZPACK_SECRET": EDGE_SECRET,
            "ZPACK_ADMIN_EMAIL": ADMIN["email"],
            "ZPACK_ADMIN_PASSWORD": ADMIN["password"],
            "PROXMOX_HOST": self.url("localpve"),
            "PROXMOX_NODE": "local",
            "PROXMOX_API_TOKEN": TOKEN,
            "VELOCITY_URL": self.url("registry"),
            "ARTIFACT_BASE_URL": self.url("artifacts"),
            "ZPACK_EDGE_SECONDS": "1",
            "ZPACK_HEARTBEAT_SECONDS": "1",
            "ZPACK_PASSWORD_MEMORY_KIB": "1024",
            "ZPACK_PASSWORD_PASSES": "1",
        }

    async def open(self) -> None:
        for name in ("run", "log", "artifacts", "localpve/templates/820", "edge"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o711)
        self.ports = {n: free_port() for n in ("control", "localpve", "registry", "players", "artifacts")}
        (self.home / "artifacts/_catalog.json").write_text(json.dumps(CATALOG))
        (self.home / "localpve/templates/820/template.json").write_text(json.dumps({"init": ["/bin/true"]}))
        (self.home / "script.json").write_text(json.dumps(self.script))
        log = self.home / "log/postgres.log"
        self.postgres = EmbeddedPostgres(folder=self.home / "pg", log=log, programs=self.programs)
        await self.postgres.start()
        await self._run("migrate")
        serve = ["serve", "--home", str(self.home / "artifacts"), "--port", str(self.ports["artifacts"])]
        await self._child("artifacts", "zpack.artifacts", serve, {})
        pve = [
            "--home",
            str(self.home / "localpve"),
            "--port",
            str(self.ports["localpve"]),
            "--isolation",
            "sim",
        ]
        pve += ["--subnet", self.subnet, "--sim-script", str(self.home / "script.json")]
        await self._child("localpve", "zpack.localpve", pve, {"LOCALPVE_TOKEN": TOKEN})
        edge = {
            "EDGE_PORT": str(self.ports["players"]),
            "EDGE_REGISTRY_PORT": str(self.ports["registry"]),
            "ZPACK_SECRET": EDGE_SECRET,
            "ZPACK_PROXY_STATUS_ENDPOINT": f"{self.url('control')}/internal/velocity/proxy-status",
        }
        await self._child("edge", "zpack.edge", ["--home", str(self.home / "edge")], edge)

    async def close(self) -> None:
        await self.stop_control()
        for child in reversed(self.children):
            await child.stop()
        await self.postgres.stop()

    async def start_control(self, **extra: str) -> None:
        self.control = Child(
            name="control",
            argv=[sys.executable, "-m", "zpack.control", "serve", "--embedded"],
            environment=self.environment | extra,
            home=self.home,
        )
        await self.control.start()

    async def stop_control(self) -> None:
        if self.control is not None:
            await self.control.stop()
            self.control = None

    async def control_died(self) -> None:
        """Wait until control was killed by its planted fault."""
        assert self.control is not None
        async with asyncio.timeout(180):
            await self.control.ended()

    def kill_control(self) -> None:
        assert self.control is not None
        assert self.control.pid is not None
        os.kill(self.control.pid, signal.SIGKILL)

    @asynccontextmanager
    async def someone(self, name: str) -> AsyncIterator[Caller]:
        async with Caller(self.url("control")) as anyone:
            reply = await anyone.post("/api/auth/login", {"identifier": name, "password": "correct horse"})
            if reply.status == 200:
                async with Caller(self.url("control"), reply.body["token"]) as caller:
                    yield caller
            else:
                async with await anyone.registered(name) as caller:
                    yield caller

    # --- what is there, asked of each program's own record --------------------------------------

    def containers(self) -> set[int]:
        user, _, secret = TOKEN.partition("=")
        account, _, token = user.partition("!")
        cluster = ProxmoxAPI(
            "127.0.0.1", port=self.ports["localpve"], user=account, token_name=token, token_value=secret,
            verify_ssl=False, service="PVE", backend="https",
        )  # fmt: skip
        cluster._store["base_url"] = f"{self.url('localpve')}/api2/json"
        return {row["vmid"] for row in cluster("cluster/resources").get(type="vm") if row["vmid"] != 820}

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.postgres.url) as connection:
            return [row[0] for row in connection.execute(query).fetchall()]  # type: ignore[arg-type]

    async def registrations(self) -> dict[str, str]:
        async with Caller(self.url("registry")) as caller:
            headers = {SECRET_HEADER: hashed_secret(EDGE_SECRET)}
            reply = await caller.get("/zpack/status", headers=headers)
        return {row["name"]: row["address"] for row in reply.body["servers"]}

    async def exactly(self, vmids: set[int]) -> None:
        """Every record agrees that these servers exist and nothing else does."""
        assert self.containers() == vmids
        assert set(self.rows("select vmid from instances")) == vmids
        assert self.rows("select vmid from vmid_reservations") == []
        addresses = dict(zip(self.rows("select hostname from instances order by vmid"),
                             self.rows("select ip from instances order by vmid"), strict=True))  # fmt: skip
        assert await self.registrations() == addresses
        assert len(set(addresses.values())) == len(vmids)

    def add_servers(self, owner: str, places: dict[int, str], *, published: bool) -> None:
        """Write rows of servers that exist already, at these addresses."""
        edge = {"state": "published" if published else "unpublished"}
        payload = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "edge": edge}
        rows = [
            (vmid, owner, "game", hostname(vmid), ip, "[]", json.dumps(payload), "running", 0)
            for vmid, ip in places.items()
        ]
        with psycopg.connect(self.postgres.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into instances (vmid, customer_id, ctype, hostname, ip, allocated_ports, payload,"
                " agent_state, crash_count) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                rows,
            )

    async def _child(self, name: str, module: str, words: list[str], environment: dict[str, str]) -> None:
        child = Child(
            name=name, argv=[sys.executable, "-m", module, *words], environment=environment, home=self.home
        )
        await child.start()
        self.children.append(child)

    async def _run(self, command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "zpack.control", command, env={**os.environ, **self.environment}
        )
        assert await process.wait() == 0


async def finished(caller: Caller, url: str, seconds: float = 60) -> dict[str, Any]:
    """Follow an operation to its end."""
    async with asyncio.timeout(seconds * slowness()):
        while True:
            operation = (await caller.get(url)).body["operation"]
            if operation["status"] in {"succeeded", "failed", "cancelled"}:
                return operation
            await asyncio.sleep(0.1)
