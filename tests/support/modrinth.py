"""Modrinth's API v2 in the shapes it documents, with what can go wrong; it shares nothing with our client."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.support.cdn import Cdn

GARBAGE = {
    "garbage": (200, b"\xff\x00{"), "html": (200, b"<h1>Checking your browser</h1>"),
    "list of nonsense": (200, b'[1, null, {}, [], "x"]'), "string": (200, b'"x"'), "empty": (200, b""),
    "deep": (200, b"[" * 100_000), "null": (200, b"null"), "nan": (200, b'{"hits": NaN}'),
    "object of nonsense": (200, b'{"hits": [1, null, {"project_id": 7}], "id": 7, "total_hits": -1}'),
    "500": (500, b"{}"), "503": (503, b"upstream"), "410": (410, b"{}"), "401": (401, b"{}"),
    "redirect": (302, b""),
}  # fmt: skip


@dataclass
class ModrinthServer:
    """Projects and their versions; ``manner`` says how it misbehaves."""

    cdn: Cdn
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    manner: str = ""
    remaining: int = 300
    url: str = ""

    def add(self, slug: str, **changes: Any) -> dict[str, Any]:
        """Add a project; its id is its slug, padded as ids are."""
        project = {
            "id": slug.replace("-", "").ljust(8, "0"), "slug": slug, "title": slug.replace("-", " ").title(),
            "description": f"what {slug} does", "project_type": "mod", "client_side": "optional",
            "server_side": "required", "downloads": 5, "followers": 1, "versions": [], "loaders": ["fabric"],
            "game_versions": ["1.21.4"], "status": "approved", "team": "t",
        } | changes  # fmt: skip
        self.projects[project["id"]] = project
        self.versions[project["id"]] = []
        return project

    def release(self, project: dict[str, Any], number: str = "1.0.0", **changes: Any) -> dict[str, Any]:
        """Add a version of a project with one file, which is served by the CDN."""
        content = changes.pop("content", f"{project['slug']} {number}".encode())
        name = changes.pop("filename", f"{project['slug']}-{number}.jar")
        version_id = f"v{len(self.versions[project['id']])}{project['id']}"[:16]
        url = self.cdn.put(f"/data/{project['id']}/versions/{version_id}/{name}", content)
        hashes = {"sha512": hashlib.sha512(content).hexdigest(), "sha1": hashlib.sha1(content).hexdigest()}
        version = {
            "id": version_id, "project_id": project["id"], "author_id": "a", "name": number, "featured": False,
            "version_number": number, "version_type": "release", "loaders": ["fabric"], "status": "listed",
            "game_versions": ["1.21.4"], "date_published": "2025-01-01T00:00:00.000000Z", "dependencies": [],
            "downloads": 1, "changelog": None,
            "files": [{"hashes": hashes, "url": url, "filename": name, "primary": True, "size": len(content),
                       "file_type": None}],
        } | changes  # fmt: skip
        self.versions[project["id"]].append(version)
        return version

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the API does, headers of the limit included."""
        self.asked.append((request.method, request.path.removeprefix("/v2"), dict(request.query)))
        self.agents.add(request.headers.get("User-Agent", ""))
        self.remaining = max(0, self.remaining - 1)
        headers = {
            "X-Ratelimit-Limit": "300",
            "X-Ratelimit-Remaining": str(self.remaining),
            "X-Ratelimit-Reset": "7",
        }
        if self.manner == "hang":
            await asyncio.sleep(60)
        if self.manner in GARBAGE:
            status, body = GARBAGE[self.manner]
            more = {"Location": "http://127.0.0.1:1/"} if status == 302 else {}
            return web.Response(status=status, body=body, headers=headers | more)
        if self.manner == "429":
            body = {"error": "ratelimit_error", "description": "You are being rate-limited."}
            return web.json_response(body, status=429, headers=headers | {"X-Ratelimit-Remaining": "0"})
        found = await self._found(request)
        if found is None:
            return web.Response(status=404, headers=headers)
        return web.json_response(found, headers=headers)

    async def _found(self, request: web.Request) -> Any:
        match request.path.removeprefix("/v2").strip("/").split("/"):
            case ["search"]:
                return self._search(request.query)
            case ["projects"]:
                return [self.projects[i] for i in json.loads(request.query["ids"]) if i in self.projects]
            case ["project", name]:
                return self._project(name)
            case ["project", name, "version"]:
                project = self._project(name)
                return self._versions(project["id"], request.query) if project else None
            case ["version_files"]:
                return self._by_hash((await request.json())["hashes"])
        return None

    def _project(self, name: str) -> dict[str, Any] | None:
        return next((p for p in self.projects.values() if name in {p["id"], p["slug"]}), None)

    def _search(self, query: Any) -> dict[str, Any]:
        facets = json.loads(query.get("facets", "[]"))
        loaders = {f.partition(":")[2] for group in facets for f in group if f.startswith("categories:")}
        hits = [
            {key: p[key] for key in ("slug", "title", "description", "client_side", "server_side", "downloads")}
            | {"project_id": p["id"], "project_type": "mod", "author": "someone", "follows": p["followers"],
               "categories": p["loaders"], "versions": p["game_versions"], "icon_url": None, "license": "mit"}
            for p in self.projects.values()
            if query.get("query", "") in p["slug"] and loaders.intersection(p["loaders"])
        ]  # fmt: skip
        offset, limit = int(query["offset"]), int(query["limit"])
        page = hits[offset : offset + limit]
        return {"hits": page, "offset": offset, "limit": limit, "total_hits": len(hits)}

    def _versions(self, project: str, query: Any) -> list[dict[str, Any]]:
        loaders, games = json.loads(query["loaders"]), json.loads(query["game_versions"])
        return [
            v for v in self.versions[project]
            if set(v["loaders"]) & set(loaders) and set(v["game_versions"]) & set(games)
        ]  # fmt: skip

    def _by_hash(self, hashes: list[str]) -> dict[str, Any]:
        every = [v for versions in self.versions.values() for v in versions]
        return {
            f["hashes"]["sha512"]: v for v in every for f in v["files"] if f["hashes"]["sha512"] in hashes
        }


@contextlib.asynccontextmanager
async def serving_modrinth(host: str, cdn: Cdn) -> AsyncGenerator[ModrinthServer]:
    """Serve one at an address."""
    server = ModrinthServer(cdn)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    server.url = f"http://{host}:{runner.addresses[0][1]}/v2"
    try:
        yield server
    finally:
        await runner.cleanup()
