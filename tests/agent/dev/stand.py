"""A store with a runtime and a small IDE, and an agent that becomes a dev container."""

from __future__ import annotations

import contextlib
import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.agent.bench import HOST, Client, StoreServer, agent_beside, agent_here, eventually, tarball
from tests.support.ports import free_port

from zpack.agent.runtime.family import children, marked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IDE_BODY = (Path(__file__).parent / "ide.py").read_bytes()
CATALOG = "devcontainer/_catalog.json"
NODE = "devcontainer/node/node-24.tar.gz"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def ide_path(version: str) -> str:
    return f"addons/code-server/code-server-{version}-linux-{MACHINE}.tar.gz"


IDE_PATH = ide_path("4.139.1")


def program(version: str) -> bytes:
    return f"#!/bin/sh\necho {version}\n".encode()


def ide(python: str = sys.executable) -> bytes:
    return tarball(
        {"code-server/bin/code-server": f"#!{python}\n".encode() + IDE_BODY, "code-server/LICENSE": b""}
    )


def runtime(version: str, *, name: str = "bin/node") -> bytes:
    return tarball({name: program(version), "LICENSE": b""})


def put_catalog(store: StoreServer, runtimes: Any) -> None:
    store.put(CATALOG, json.dumps({"runtimes": runtimes}).encode())


def dev_store() -> StoreServer:
    store = StoreServer()
    put_catalog(store, [{"id": "node", "versions": ["24", "22"]}, {"id": "python", "versions": ["3.11"]}])
    store.put(NODE, tarball({"node/bin/node": program("v24.0.0"), "node/LICENSE": b""}))
    store.put("devcontainer/node/node-22.tar.gz", runtime("v22.0.0"))
    store.put("devcontainer/python/python-3.11.tar.gz", runtime("3.11", name="bin/python3"))
    store.put(IDE_PATH, ide())
    return store


@dataclass
class Stand:
    """One dev agent, the store behind it, and what its programs wrote."""

    client: Client
    store: StoreServer
    tmp: Path
    ide_url: str

    @property
    def home(self) -> Path:
        return self.tmp / "dev"

    @property
    def runtimes(self) -> Path:
        return self.client.root / "runtime"

    @property
    def ide_folder(self) -> Path:
        return self.client.root / "services" / "code-server"

    def behave(self, **behaviour: Any) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "behaviour.json").write_text(json.dumps(behaviour))

    def seen(self) -> dict[str, Any]:
        return json.loads((self.home / "seen.json").read_text())

    async def configure(self, **changes: Any) -> tuple[int, Any]:
        payload = {"vmid": 6001, "container_type": "dev", "runtime": "node", "version": "24"}
        return await self.client.post("/config", payload | changes)

    async def provisioned(self, **changes: Any) -> dict[str, Any]:
        code, body = await self.configure(**changes)
        assert code == 202, body
        return await self.client.reaches("running")

    async def failed(self, **changes: Any) -> dict[str, Any]:
        assert (await self.configure(**changes))[0] == 202
        status = await self.client.reaches("error")
        assert status["provisioningError"] == status["error"]
        assert not status["provisioningComplete"]
        return status

    async def ide(self, verb: str) -> tuple[int, Any]:
        return await self.client.post(f"/dev/codeserver/{verb}")

    async def ide_is(self, state: str) -> dict[str, Any]:
        """Wait until the IDE is in a state and no operation is in progress."""

        async def there() -> Any:
            _, found = await self.client.get("/dev/codeserver")
            status = await self.client.status()
            return found if found["state"] == state and not status["operationInProgress"] else None

        return await eventually(there)

    def ide_pid(self) -> int:
        """The process that the keeper holds; 0 while there is none."""
        ours = marked(f"ZPACK_CODE_SERVER_OF={self.client.home}")
        held: set[int] = set()
        for pid in ours:
            with contextlib.suppress(OSError):
                if b"keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    held |= children(pid)
        return held.pop() if len(held) == 1 else 0

    async def healthz(self) -> Any:
        async with aiohttp.ClientSession() as http, http.get(f"{self.ide_url}/healthz") as answer:
            return await answer.json(content_type=None)


@contextlib.asynccontextmanager
async def stand(
    tmp: Path, store: StoreServer, *, beside: bool = False, port: int | None = None, **changes: str
) -> AsyncIterator[Stand]:
    port = port or free_port()
    changes = {"ZLH_CODE_SERVER_PORT": str(port), "ZLH_AGENT_KEEP_WORKLOAD": str(int(beside))} | changes
    async with (agent_beside if beside else agent_here)(tmp, store, **changes) as client:
        yield Stand(client, store, tmp, f"http://{HOST}:{port}")
