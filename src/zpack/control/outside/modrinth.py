"""Modrinth's API v2: where mods are found (contract §9.3).

Its rules: every call names its caller, 300 calls a minute from one address, the headers say what is left.
The limit is everybody's, so it is kept here before Modrinth has to; callers are told when to come again.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.pace import Pace, Spent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zpack.control.outside.http import ForeignHttp

CALLS, WINDOW_SECONDS = 300, 60.0
SECONDS = 10.0
BODY_LIMIT = 8 << 20
FRESH_SECONDS, KEPT = 60.0, 256
LONGEST_PAUSE = 120.0
ID = re.compile(r"[A-Za-z0-9_!@$()`.+,\"'-]{1,64}")
"""A project's id or slug, a version's id; Modrinth's own pattern for slugs is stricter in length only."""
HASHES_AT_ONCE = 200


class ModrinthBusy(Refusal):
    """Modrinth's limit of calls is reached; ``details.retryAfter`` is in seconds."""

    kind = "unavailable"
    code = "modrinth_busy"


class Modrinth:
    """Reads Modrinth. Answers are remembered for a minute; what they say is data, not trusted code."""

    def __init__(self, *, base_url: str, user_agent: str, http: ForeignHttp) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}
        self._http = http
        self._pace = Pace(name="Modrinth", amount=CALLS, seconds=WINDOW_SECONDS)
        self._kept: OrderedDict[str, tuple[float, Any]] = OrderedDict()

    async def search(
        self, *, query: str, facets: Sequence[Sequence[str]], offset: int, limit: int
    ) -> dict[str, Any]:
        """Return ``{hits, offset, limit, total_hits}``. Raises ModrinthBusy, ForeignError."""
        params = {"facets": json.dumps(facets), "offset": str(offset), "limit": str(limit)}
        params |= {"query": query, "index": "relevance"} if query else {"index": "downloads"}
        found = await self._read("/search", params)
        if not isinstance(found, dict) or not isinstance(found.get("hits"), list):
            raise _unreadable()
        return found

    async def project(self, project: str) -> dict[str, Any] | None:
        """Return a project by id or slug, or None when there is none. Raises ModrinthBusy, ForeignError."""
        if not _is_id(project):
            return None
        found = await self._read(f"/project/{quote(project, safe='')}", {})
        if found is not None and not isinstance(found, dict):
            raise _unreadable()
        return found

    async def projects(self, ids: Sequence[str]) -> list[Any]:
        """Return those of these projects that exist. Raises ModrinthBusy, ForeignError."""
        wanted = sorted(each for each in ids if _is_id(each))
        return await self._list("/projects", {"ids": json.dumps(wanted)}) if wanted else []

    async def versions(self, project: str, *, loaders: Sequence[str], game_version: str) -> list[Any]:
        """Return a project's versions for a server. Raises ModrinthBusy, ForeignError."""
        params = {"loaders": json.dumps(loaders), "game_versions": json.dumps([game_version])}
        return await self._list(f"/project/{quote(project, safe='')}/version", params)

    async def projects_of(self, hashes: Sequence[str]) -> dict[str, str]:
        """Return which project each SHA-512 is a file of, where Modrinth knows it."""
        wanted = sorted(hashes)[:HASHES_AT_ONCE]
        if not wanted:
            return {}
        found = await self._read("/version_files", {}, {"hashes": wanted, "algorithm": "sha512"})
        if not isinstance(found, dict):
            raise _unreadable()
        named = {h: v.get("project_id") for h, v in found.items() if isinstance(v, dict)}
        return {h: project for h, project in named.items() if isinstance(project, str)}

    async def ping(self, budget: Budget) -> None:
        """Raise ForeignError unless it answers; what it answers does not matter."""
        self._count()
        answer = await self._http.request("GET", self._base, budget=budget, headers=self._headers)
        self._told(answer.status, answer.headers)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ForeignError(f"Modrinth answered {answer.status}", transient=True, status=answer.status)

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _list(self, path: str, params: Mapping[str, str]) -> list[Any]:
        found = await self._read(path, params)
        if not isinstance(found, list):
            raise _unreadable()
        return found

    async def _read(self, path: str, params: Mapping[str, str], body: Any = None) -> Any:
        """Return the parsed answer, None for a 404."""
        key = json.dumps([path, dict(params), body], sort_keys=True)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            self._kept.move_to_end(key)
            return kept[1]
        found = await self._ask(path, params, body)
        self._kept[key] = (time.monotonic() + FRESH_SECONDS, found)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def _ask(self, path: str, params: Mapping[str, str], body: Any) -> Any:
        self._count()
        answer = await self._http.request(
            "POST" if body is not None else "GET",
            self._base + path,
            budget=Budget.seconds(SECONDS),
            headers=self._headers,
            params=params,
            json_body=body,
            limit=BODY_LIMIT,
        )
        self._told(answer.status, answer.headers)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._count()
        if answer.status != HTTPStatus.OK:
            raise ForeignError(
                f"Modrinth answered {answer.status}", transient=answer.status >= 500, status=answer.status  # noqa: PLR2004 - HTTP 5xx
            )  # fmt: skip
        found = answer.json
        if found is None:
            raise _unreadable()
        return found

    def _count(self) -> None:
        """Count one call. Raises ModrinthBusy."""
        try:
            self._pace.take()
        except Spent as spent:
            message = f"Modrinth takes no more calls for {spent.seconds} s."
            raise ModrinthBusy(message, details={"retryAfter": spent.seconds}) from spent

    def _told(self, status: int, headers: Mapping[str, str]) -> None:
        """Note what Modrinth says is left."""
        spent = status == HTTPStatus.TOO_MANY_REQUESTS or _number(headers.get("X-Ratelimit-Remaining")) == 0
        if spent:
            reset = _number(headers.get("X-Ratelimit-Reset"))
            self._pace.pause(min(LONGEST_PAUSE, WINDOW_SECONDS if reset is None else reset))


def _is_id(text: str) -> bool:
    return ID.fullmatch(text) is not None and text.strip(".") != ""


def _unreadable() -> ForeignError:
    return ForeignError("Modrinth answered with what cannot be read", transient=True)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
