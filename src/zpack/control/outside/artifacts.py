"""The artifact server's catalogs (contract §5.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from zpack.control.outside.http import ForeignHttp

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
SECONDS = 5.0
SUMS = "SHA256SUMS"
CODE_SERVER = b"  addons/code-server/"
Catalog = dict[str, dict[str, list[str]]]


class Artifacts:
    """Reads ``_catalog.json``."""

    def __init__(self, *, base_url: str, http: ForeignHttp) -> None:
        self._base = base_url.rstrip("/")
        self._http = http

    async def game_catalog(self) -> Catalog:
        """Return game → variant → versions. Raises ForeignError."""
        found = await self._fetch("_catalog.json")
        return {
            game: {variant: _words(entry.get("versions")) for variant, entry in _named(body.get("variants"))}
            for game, body in _named(found.get("games"))
        }

    async def dev_catalog(self) -> dict[str, list[str]]:
        """Return runtime → versions. Raises ForeignError."""
        found = await self._fetch("devcontainer/_catalog.json")
        return {runtime: _words(body.get("versions")) for runtime, body in _named(found.get("runtimes"))}

    async def has_code_server(self) -> bool:
        """Say whether the store lists an archive of the browser IDE. Raises ForeignError."""
        answer = await self._http.request("GET", f"{self._base}/{SUMS}", budget=Budget.seconds(SECONDS))
        if answer.status != 200:  # noqa: PLR2004 - HTTP 200
            raise ForeignError(f"the artifact server has no readable {SUMS}", transient=True)
        return CODE_SERVER in answer.body

    async def _fetch(self, path: str) -> dict[str, Any]:
        answer = await self._http.request("GET", f"{self._base}/{path}", budget=Budget.seconds(SECONDS))
        body = answer.json
        if answer.status != 200 or not isinstance(body, dict):  # noqa: PLR2004 - HTTP 200
            raise ForeignError(f"the artifact server has no readable {path}", transient=True)
        return body

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()


def _named(rows: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows that have a usable id; the catalog is data, not trusted code."""
    if not isinstance(rows, list):
        return []
    return [
        (row["id"], row)
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("id"), str) and WORD.fullmatch(row["id"])
    ]


def _words(values: Any) -> list[str]:
    if not isinstance(values, list):
        return []
    return [value for value in values if isinstance(value, str) and WORD.fullmatch(value)]
