"""Starts the programs in order, watches them, stops them in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from zpack.allinone.billing import RehearsedBilling
from zpack.allinone.child import Child, ChildFailed, ends_with_us
from zpack.allinone.ide import ide_names
from zpack.allinone.postgres import EmbeddedPostgres
from zpack.allinone.template import TEMPLATE_VMID, tool_folder, write_template
from zpack.artifacts.node import find_node
from zpack.localpve.backends.network import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zpack.allinone.home import Home, Secrets
    from zpack.allinone.options import Options

NODE = "local"
TOKEN_ID = "root@pam!zpack"  # noqa: S105 - the token's name
HASHSEED = {"MALLOC_ARENA_MAX": "2"}
"""glibc's per-thread arenas cost tens of MB in programs that are mostly idle."""


class Platform:
    """All programs of one home."""

    def __init__(self, *, home: Home, options: Options, say: Callable[[str], None]) -> None:
        self._home = home
        self._options = options
        self._say = say
        self.secrets: Secrets = home.secrets()
        self.admin = home.first_admin()
        self.postgres = EmbeddedPostgres(folder=home.folder("pg"), log=home.folder("log") / "postgres.log")
        self.children: dict[str, Child] = {}
        self.billing: RehearsedBilling | None = None
        if options.billing:
            self.billing = RehearsedBilling(
                secret=self.secrets.api_auth_secret,
                folder=home.folder("stripe"),
                host=options.host,
                port=options.stripe_port,
                api=self.api,
            )

    @property
    def api(self) -> str:
        """Return the API's base URL."""
        return f"http://{self._options.host}:{self._options.port}"

    @property
    def portal(self) -> str:
        """Return the portal's address."""
        return portal_url(self._options.host, self._options.port)

    @property
    def isolation(self) -> str:
        """Return localpve's line about its backend."""
        return str(self.children["localpve"].announced.get("isolation", ""))

    async def start(self) -> None:
        """Start everything. Raises ChildFailed, PostgresFailed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._database())
            group.create_task(self._artifacts())
            group.create_task(self._child("edge", self._edge_words(), self._edge_environment()))
            if self.billing is not None:
                group.create_task(self._stripe(self.billing))
        await self._child(
            "control", ["-m", "zpack.allinone.web", "serve", "--embedded"], self._control_environment()
        )

    async def watch(self) -> None:
        """Keep every program alive. Raises ChildFailed when one cannot be."""
        async with asyncio.TaskGroup() as group:
            for child in self.children.values():
                group.create_task(child.watch())
            group.create_task(self._watch_database())

    async def stop(self) -> None:
        """Stop everything, the API first and the database last."""
        for name in ("control", "stripe", "edge", "localpve", "artifacts"):
            child = self.children.get(name)
            if child is not None:
                self._say(f"stopping {name}")
                await child.stop()
        self._say("stopping PostgreSQL")
        await self.postgres.stop()

    async def _database(self) -> None:
        self._say("starting PostgreSQL")
        await self.postgres.start()
        self._say("migrating the database")
        await self._once(["-m", "zpack.control", "migrate"], self._control_environment())

    async def _stripe(self, billing: RehearsedBilling) -> None:
        await self._child("stripe", billing.words(), billing.keys())
        await billing.offer()

    async def _artifacts(self) -> None:
        folder = str(self._home.folder("artifacts"))
        if self._options.isolation != "sim":
            self._say("preparing the game engine (the first time takes a minute)")
        prepare = ["-m", "zpack.artifacts", "prepare", "--home", folder]
        await self._once(prepare, {}, loud=True)
        node = await asyncio.to_thread(lambda: find_node().folder)
        write_template(
            self._home.folder("localpve") / "templates",
            artifact_base_url=f"http://{self._seen_by_guests()}:{self._options.artifacts_port}",
            node=node if str(node) != "/usr" else None,
            java=tool_folder("java"),
        )
        serve = ["-m", "zpack.artifacts", "serve", "--home", folder]
        host = "0.0.0.0" if self._options.network == "bridge" else self._options.host
        listen = ["--host", host, "--port", str(self._options.artifacts_port)]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._child("artifacts", [*serve, *listen], {}))
            group.create_task(self._child("localpve", self._localpve_words(), self._localpve_environment()))

    async def _child(self, name: str, words: list[str], environment: dict[str, str]) -> None:
        self._say(f"starting {name}")
        child = Child(
            name=name,
            argv=[sys.executable, *words],
            environment=HASHSEED | environment,
            home=self._home.path,
        )
        self.children[name] = child
        await child.start()

    def _seen_by_guests(self) -> str:
        """Return the address guests reach this machine at: the bridge's own when they have one.

        The bridge appears with the first guest, so the artifact server, which serves only public files, then
        listens on every address.
        """
        if self._options.network == "bridge":
            return Bridge("", self._options.subnet).gateway
        return self._options.host

    async def _watch_database(self) -> None:
        status = await self.postgres.ended()
        raise ChildFailed(f"PostgreSQL ended with {status}; see {self._home.folder('log')}/postgres.log")

    async def _once(self, words: list[str], environment: dict[str, str], *, loud: bool = False) -> None:
        """Run a program to its end. Raises ChildFailed with what it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            env={**os.environ, **environment, **ends_with_us()},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=None if loud else asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        if process.returncode:
            text = (said or b"").decode(errors="replace").strip()[-1500:]
            raise ChildFailed(f"{' '.join(words[1:3])} failed with {process.returncode}\n{text}")

    def _localpve_words(self) -> list[str]:
        options = self._options
        words = ["-m", "zpack.localpve", "--home", str(self._home.folder("localpve")), "--host", options.host]
        words += ["--port", str(options.localpve_port), "--node", NODE, "--isolation", options.isolation]
        words += ["--network", options.network, "--subnet", options.subnet]
        for option, path in (("--sim-script", options.sim_script), ("--faults", options.faults)):
            words += [option, str(path)] if path else []
        return words

    def _localpve_environment(self) -> dict[str, str]:
        return {"LOCALPVE_TOKEN": self._token}

    def _edge_words(self) -> list[str]:
        return ["-m", "zpack.edge", "--home", str(self._home.folder("edge"))]

    def _edge_environment(self) -> dict[str, str]:
        return {
            "HOST": self._options.host,
            "EDGE_PORT": str(self._options.edge_port),
            "EDGE_REGISTRY_PORT": str(self._options.edge_registry_port),
            "GAME_DOMAIN": self._options.domain,
            "ZPACK_SECRET": self.secrets.edge_secret,
            "ZPACK_PROXY_STATUS_ENDPOINT": f"{self.api}/internal/velocity/proxy-status",
        }

    def _control_environment(self) -> dict[str, str]:
        options, secrets = self._options, self.secrets
        found = {
            "HOST": options.host,
            "PORT": str(options.port),
            "DATABASE_URL": self.postgres.url,
            "API_AUTH_SECRET": secrets.api_auth_secret,
            "ZPACK_AGENT_SECRET": secrets.agent_secret,
            "ZPACK_SECRET": secrets.edge_secret,
            "PROXMOX_HOST": f"http://{options.host}:{options.localpve_port}",
            "PROXMOX_NODE": NODE,
            "PROXMOX_API_TOKEN": self._token,
            "AGENT_TEMPLATE_VMID": str(TEMPLATE_VMID),
            "VELOCITY_URL": f"http://{options.host}:{options.edge_registry_port}",
            "ARTIFACT_BASE_URL": f"http://{options.host}:{options.artifacts_port}",
            "GAME_DOMAIN": options.domain,
            "EDGE_PUBLIC_PORT": os.environ.get("EDGE_PUBLIC_PORT") or str(options.edge_port),
            "PORTAL_URL": portal_url(options.host, options.port),
        }
        if self.admin is not None:
            found["ZPACK_ADMIN_EMAIL"] = self.admin["email"]
            found["ZPACK_ADMIN_PASSWORD"] = self.admin["password"]
        if self.billing is not None:
            found |= self.billing.environment()
        return found | ide_names(options.host, options.port, os.environ)

    @property
    def _token(self) -> str:
        return f"{TOKEN_ID}={self.secrets.proxmox_secret}"


def portal_url(host: str, port: int) -> str:
    """Return the portal's address: another origin than 127.0.0.1, where the tunnels of IDEs are."""
    name = "localhost" if host.startswith(("127.", "0.")) or host in {"::", "::1"} else host
    return os.environ.get("PORTAL_URL") or f"http://{name}:{port}"


def pidfile(home: Path, name: str) -> Path:
    """Return where a program's process id is written."""
    return home / "run" / f"{name}.pid"
