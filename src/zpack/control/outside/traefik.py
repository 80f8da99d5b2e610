"""Traefik's API: what it has taken up of us, in its own words. It changes nothing there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from zpack.control.outside.http import Answer, ForeignHttp

SECONDS = 5.0
RAW_LIMIT = 64 << 20
"""10,000 servers are 3 MB."""
OK = 200


class Traefik:
    """Reads the API below ``base_url``."""

    def __init__(self, *, base_url: str, authorization: str | None, http: ForeignHttp) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": authorization} if authorization else {}
        self._http = http

    async def version(self) -> str:
        """Return Traefik's version. Raises ForeignError."""
        answer = await self._get("/api/version")
        return str(answer.get("Version", ""))

    async def taken_up(self) -> dict[str, Any]:
        """Return all routers and services, with the provider behind each name. Raises ForeignError."""
        return await self._get("/api/rawdata")

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._http.request(
            "GET", self._base + path, budget=Budget.seconds(SECONDS), headers=self._headers, limit=RAW_LIMIT
        )
        return _object(answer)


def _object(answer: Answer) -> dict[str, Any]:
    """Return what was answered. Raises ForeignError; a wrong password will not mend itself."""
    if answer.status != OK:
        transient = answer.status >= 500 or answer.status in {408, 429}  # noqa: PLR2004 - HTTP classes
        message = f"Traefik's API answered {answer.status}"
        raise ForeignError(message, transient=transient, status=answer.status)
    body = answer.json
    if not isinstance(body, dict):
        raise ForeignError("Traefik's API answered no object", transient=False)
    return body
