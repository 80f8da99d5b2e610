"""The Velocity bridge, or our edge, which speaks the same three calls (contract §6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.wire.edge import SECRET_HEADER, Backend, hashed_secret

if TYPE_CHECKING:
    from zpack.control.outside.http import Answer, ForeignHttp

SECONDS = 5.0
GONE = 404


class Velocity:
    """Registers backends by short host name."""

    def __init__(self, *, base_url: str, secret: str, http: ForeignHttp, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._base = base_url.rstrip("/")
        self._headers = {SECRET_HEADER: hashed_secret(secret)}
        self._http = http

    async def register(self, *, name: str, address: str, port: int) -> None:
        """Register a backend; registering it again replaces it. Raises ForeignError."""
        body = {"server_name": name, "address": address, "port": port}
        _expect(await self._call("POST", "/zpack/register", json_body=body))

    async def unregister(self, name: str) -> None:
        """Remove a backend; one that is gone already is fine. Raises ForeignError."""
        answer = await self._call("POST", "/zpack/unregister", json_body={"server_name": name})
        if answer.status != GONE:
            _expect(answer)

    async def backends(self) -> dict[str, Backend] | None:
        """Return what the proxy lists, by name; None when it lists nothing at all (row S35)."""
        answer = await self._call("GET", "/zpack/status")
        _expect(answer)
        body = answer.json
        rows = body.get("servers") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            return None
        return {
            row["name"]: Backend(
                name=row["name"], address=str(row.get("address")), port=_port(row.get("port"))
            )
            for row in rows
            if isinstance(row, dict) and isinstance(row.get("name"), str)
        }

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _call(self, method: str, path: str, **call: Any) -> Answer:
        return await self._http.request(
            method, self._base + path, budget=Budget.seconds(self._seconds), headers=self._headers, **call
        )


def _port(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _expect(answer: Answer) -> None:
    """Raise ForeignError unless the proxy said yes; a wrong secret or a bad name will not mend itself."""
    if answer.status >= 300:  # noqa: PLR2004 - any 2xx is yes
        transient = answer.status >= 500 or answer.status in {408, 429}  # noqa: PLR2004 - HTTP classes
        message = f"the game proxy answered {answer.status}: {answer.text[:200]}"
        raise ForeignError(message, transient=transient, status=answer.status)
