"""Mods of a server the caller owns: found at Modrinth, chosen here, installed by its agent (§9.3)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.control.audit.store import record
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.mods.merge import Installed, hashes_of, hits_view, installed_from, listed_mods
from zpack.control.mods.models import parsed_versions
from zpack.control.mods.resolve import LOADERS, Choice, choose, facets, version_view
from zpack.control.outside.agent import AgentRefused
from zpack.control.outside.modrinth import ModrinthBusy

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.engine.limits import RateLimit
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.instances.models import Reached
    from zpack.control.mods.models import InstallBody, ModVersion, SearchQuery
    from zpack.control.outside.agent import Agents
    from zpack.control.outside.modrinth import Modrinth

log = logging.getLogger("zpack.mods")
FAILED = "Agent mods failed"
LOOK_SECONDS = 5.0
INSTALL_SECONDS = 320.0
"""A little longer than an agent may take."""
MOST_AT_ONCE = 16
RULE = "mods"
MAX_TITLE = 128
"""What an agent takes as a mod's name; others are left to the file's."""


class UnknownProject(Refusal):
    """Modrinth knows no such project."""

    code = "unknown_project"


class NoCompatibleVersion(Refusal):
    """No version fits the server's loader and game version."""

    code = "no_compatible_version"


class NoMods(Refusal):
    """The server's engine loads no mods."""

    code = "mods_not_supported"


@dataclass(frozen=True)
class Wanted:
    """A project and what of it is to be installed."""

    project: dict[str, Any]
    choice: Choice

    @property
    def order(self) -> dict[str, Any]:
        """What the agent is told (contract §4.7)."""
        version = self.choice.version
        title = self.project.get("title")
        fit = isinstance(title, str) and title.isprintable() and 0 < len(title) <= MAX_TITLE
        return {
            "source": "modrinth",
            "download_url": self.choice.file.url,
            "filename": self.choice.filename,
            "project_id": version.project_id,
            "version_id": version.id,
            **self.choice.hash,
            **({"name": title} if fit else {}),
        }


class Mods:
    """The mods of every server. ``origins`` are those that files may come from."""

    def __init__(
        self,
        *,
        database: Database,
        entitlements: Entitlements,
        instances: Instances,
        agents: Agents,
        modrinth: Modrinth,
        limit: RateLimit,
        origins: tuple[str, ...],
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._instances = instances
        self._agents = agents
        self._modrinth = modrinth
        self._limit = limit
        self._origins = origins

    async def search(self, user: User, asked: SearchQuery) -> dict[str, Any]:
        """Return Modrinth's hits for a server, each with ``installed``; None there when its agent is silent.

        Raises ServerMissing, WrongType, NoAddress, NoMods, TooManyTries, ModrinthBusy, ForeignError.
        """
        at = await self._instances.reach(user, asked.vmid, ctype="game")
        engine, version = _engine(at)
        await self._limit.hit(RULE, user.id)
        found = await self._modrinth.search(
            query=asked.q, facets=facets(engine, version), offset=asked.offset, limit=asked.limit
        )
        return hits_view(found, await self._installed(at), offset=asked.offset, limit=asked.limit)

    async def listed(self, user: User, server_id: str) -> Any:
        """Return what the agent lists. Raises as every call to an agent does."""
        at = await self._instances.reach(user, server_id, ctype="game")
        return await self._agents.call("GET", at.ip, "/game/mods", at.token, fallback=FAILED)

    async def install(self, user: User, server_id: str, body: InstallBody) -> dict[str, Any]:
        """Install a project, after what it requires when that is asked for: all of it, or nothing.

        Nothing is installed before all is resolved; what is in place when a later one is refused is put away
        again. Raises as ``search`` does, AccountSuspended, UnknownProject, NoCompatibleVersion, AgentRefused.
        """
        at = await self._reach_to_change(user, server_id)
        _engine(at)
        await self._limit.hit(RULE, user.id)
        installed = await self._installed(at)
        first = await self._resolve(at, body.project, body.version)
        plan = await self._plan(at, first, installed) if body.with_dependencies else [first]
        dependencies = await self._dependencies(first.choice.version, installed)
        answer = await self._install_all(user, at, plan)
        told = answer if isinstance(answer, dict) else {}
        more = {"version": version_view(first.choice.version), "dependencies": dependencies}
        return {**told, **more, "installed": [wanted.choice.filename for wanted in plan]}

    async def _install_all(self, user: User, at: Reached, plan: list[Wanted]) -> Any:
        answer: Any = None
        placed: list[str] = []
        try:
            for wanted in plan:
                answer = await self._order(user, at, wanted)
                placed.append(wanted.choice.filename)
        except (AgentRefused, ForeignError):
            for mod_id in reversed(placed):
                await self._put_away(user, at, mod_id)
            raise
        return answer

    async def _put_away(self, user: User, at: Reached, mod_id: str) -> None:
        """Undo an install; an agent that cannot leaves the mod, which the list shows."""
        try:
            await self._remove_from(user, at, mod_id)
        except (AgentRefused, ForeignError) as failure:
            log.warning("the mod %r on %s stays in place: %s", mod_id, at.vmid, failure)

    async def switch(self, user: User, server_id: str, mod_id: str, *, enabled: bool) -> Any:
        """Switch a mod on or off. Raises AccountSuspended, and as every call to an agent does."""
        at = await self._reach_to_change(user, server_id)
        return await self._change_at(
            user, at, mod_id, method="PATCH", action="mods.switch", json_body={"enabled": enabled}
        )

    async def remove(self, user: User, server_id: str, mod_id: str) -> Any:
        """Put a mod away. Raises AccountSuspended, and as every call to an agent does."""
        at = await self._reach_to_change(user, server_id)
        return await self._remove_from(user, at, mod_id)

    async def _reach_to_change(self, user: User, server_id: str) -> Reached:
        at = await self._instances.reach(user, server_id, ctype="game")
        await self._entitlements.check_owner(at.owner, "mods")
        return at

    async def _remove_from(self, user: User, at: Reached, mod_id: str) -> Any:
        return await self._change_at(user, at, mod_id, method="DELETE", action="mods.remove")

    async def _change_at(
        self, user: User, at: Reached, mod_id: str, *, method: str, action: str, **call: Any
    ) -> Any:
        async with self._database.transaction() as session:
            record(session, action, actor=user.id, vmid=at.vmid, mod=mod_id, **call.get("json_body", {}))
        path = f"/game/mods/{quote(mod_id, safe='')}"
        return await self._agents.call(method, at.ip, path, at.token, fallback=FAILED, **call)

    async def _order(self, user: User, at: Reached, wanted: Wanted) -> Any:
        order = wanted.order
        kept = {key: order[key] for key in ("project_id", "version_id", "filename")}
        async with self._database.transaction() as session:
            record(session, "mods.install", actor=user.id, vmid=at.vmid, **kept)
        return await self._agents.call(
            *("POST", at.ip, "/game/mods/install", at.token),
            fallback="Agent mod install failed",
            json_body=order,
            seconds=INSTALL_SECONDS,
        )

    async def _resolve(self, at: Reached, project: str, version: str | None) -> Wanted:
        engine, game_version = _engine(at)
        found = await self._modrinth.project(project)
        if found is None or not isinstance(found.get("id"), str):
            raise UnknownProject(f"Modrinth knows no project {project[:64]!r}.")
        rows = await self._modrinth.versions(found["id"], loaders=LOADERS[engine], game_version=game_version)
        choice = choose(
            parsed_versions(rows),
            loaders=LOADERS[engine],
            game_version=game_version,
            origins=self._origins,
            wanted=version,
        )
        if choice is None:
            about = {"project": found["id"], "loaders": list(LOADERS[engine]), "gameVersion": game_version}
            raise NoCompatibleVersion(
                f"No version of {str(found.get('title') or project)[:64]} fits {engine} {game_version}.",
                details=about if version is None else about | {"version": version},
            )
        return Wanted(found, choice)

    async def _plan(self, at: Reached, first: Wanted, installed: Installed) -> list[Wanted]:
        """Return what is to be installed, the wanted one last."""
        found: dict[str, Wanted] = {first.choice.version.project_id: first}
        waiting = [first]
        while waiting:
            for project, version in waiting.pop().choice.version.required:
                if project in found or installed.has(project):
                    continue
                if len(found) == MOST_AT_ONCE:
                    raise NoCompatibleVersion(f"It requires more than {MOST_AT_ONCE} other mods.")
                found[project] = await self._resolve(at, project, version)
                waiting.append(found[project])
        return list(reversed(found.values()))

    async def _dependencies(self, version: ModVersion, installed: Installed) -> list[dict[str, Any]]:
        rows = await self._modrinth.projects([project for project, _ in version.required])
        known = {row["id"]: row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)}
        told: list[dict[str, Any]] = []
        for project, wanted in version.required:
            slug, title = (_short(known.get(project, {}).get(key)) for key in ("slug", "title"))
            about = {"projectId": project, "versionId": wanted, "slug": slug, "title": title}
            told.append(about | {"installed": installed.has(project, slug, title)})
        return told

    async def _installed(self, at: Reached) -> Installed:
        """Return what is installed; an agent or a Modrinth that cannot say leaves it unknown or guessed."""
        try:
            body = await self._agents.call(
                "GET", at.ip, "/game/mods", at.token, fallback=FAILED, seconds=LOOK_SECONDS
            )
        except (AgentRefused, ForeignError):
            return Installed()
        mods = listed_mods(body)
        try:
            by_hash = await self._modrinth.projects_of(hashes_of(mods))
        except (ModrinthBusy, ForeignError):
            by_hash = {}
        return installed_from(mods, by_hash)


def _engine(at: Reached) -> tuple[str, str]:
    """Return the server's engine and game version. Raises NoMods."""
    engine, version = at.payload.get("variant"), at.payload.get("version")
    if not isinstance(engine, str) or not isinstance(version, str) or engine not in LOADERS:
        raise NoMods(f"A {str(engine)[:32]} server takes no mods.")
    return engine, version


def _short(value: Any) -> str | None:
    return value[:128] if isinstance(value, str) else None
