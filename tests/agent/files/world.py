"""A configured server that does not run, its files, and what lies around it that nobody may reach."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.agent.bench import ARTIFACT, Client, StoreServer, agent_beside, agent_here

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "the neighbour's own words"
PAYLOAD = {
    "vmid": 5001, "container_type": "game", "game": "minecraft", "variant": "scripted", "version": "1.21.4",
    "world": "world", "ports": [25565], "artifact_path": ARTIFACT, "java_path": "", "memory_mb": 512,
}  # fmt: skip
FILES = {
    "server.properties": "motd=mine\n",
    "config/a.toml": "a = 1\n",
    "mods/old.jar": "old jar",
    "mods-removed/gone.jar": "gone",
    "mods-uploaded/up.jar": "up",
    "logs/latest.log": "line\n",
    "logs/2025.log.gz": "zipped",
    "world/level.dat": "\0level",
    "world/datapacks/pack.zip": "pack",
    "ops.json": "[]",
}


def arrange(tmp: Path, **payload: Any) -> Path:
    """Write what an agent finds when it starts; return the server's folder."""
    (tmp / "home" / "config").mkdir(parents=True)
    (tmp / "home" / "config" / "payload.json").write_text(json.dumps(PAYLOAD | payload))
    folder = tmp / "root" / "minecraft" / "scripted" / "world"
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    for secret in (folder.parent / "world_secret" / "f.jar", tmp / "outside" / "f.jar"):
        secret.parent.mkdir()
        secret.write_text(SECRET)
    (folder.parent / "world_secret" / "server.properties").write_text(SECRET)
    return folder


def snapshot(top: Path, *, without: Path | None = None) -> dict[str, Any]:
    """Return everything below a folder: kind, mode, times and content; directories' times left out."""
    found: dict[str, Any] = {}
    for path in sorted(top.rglob("*")):
        if without and (path == without or without in path.parents):
            continue
        about = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (about.st_mode, content and about.st_mtime_ns, content)
    return found


def temporary(top: Path) -> list[str]:
    """Return unfinished files, and notes of them."""
    return [str(path) for path in top.rglob(".zlh-tmp-*")]


@contextlib.asynccontextmanager
async def files_agent(tmp: Path, *, beside: bool = False, payload: Any = None, **changes: str) -> Any:
    """An agent that found a configured server."""
    if not (tmp / "home" / "config").exists():
        arrange(tmp, **(payload or {}))
    start = agent_beside if beside else agent_here
    async with start(tmp, StoreServer(), **changes) as client:
        yield client


def form(content: Any, *, name: str = "x.jar", field: str = "file") -> aiohttp.FormData:
    data = aiohttp.FormData()
    content = io.BytesIO(content) if isinstance(content, bytes) else content
    data.add_field(field, content, filename=name, content_type="application/java-archive")
    return data


async def upload(agent: Client, path: str, content: bytes = b"new jar", **query: str) -> tuple[int, Any]:
    params = {"path": path} | query
    return await agent.call("POST", "/game/files/upload", params=params, data=form(content))


async def put(agent: Client, path: str, content: Any = b"new") -> tuple[int, Any]:
    return await agent.call("PUT", "/game/files", params={"path": path}, data=content)


async def get(agent: Client, verb: str, path: str) -> tuple[int, Any]:
    return await agent.call("GET", f"/game/files/{verb}", params={"path": path})


async def send(agent: Client, method: str, verb: str, path: str) -> tuple[int, Any]:
    return await agent.call(method, f"/game/files{verb}", params={"path": path})
