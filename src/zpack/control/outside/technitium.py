"""Technitium's HTTP API, as far as the records of one zone go (contract §6.1).

It answers 200 to almost everything; ``status`` says what became of the call. The token goes in a header;
servers before version 15 know it as a parameter only, which is sent in the body and never in the address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.outside.http import Answer, ForeignHttp

SECONDS = 10.0
LISTING_SECONDS = 30.0
LISTING_LIMIT = 64 << 20
GONE = "no such record"
UNCHANGED = "old record does not exist"


class TechnitiumError(ForeignError):
    """Technitium said no, in words."""


class Technitium:
    """Reads and changes the records of one zone."""

    def __init__(
        self, *, base_url: str, token: str, zone: str, http: ForeignHttp, token_in_body: bool = False
    ) -> None:
        self._base = base_url.rstrip("/")
        self._zone = zone
        self._headers = {} if token_in_body else {"Authorization": f"Bearer {token}"}
        self._secret = {"token": token} if token_in_body else {}
        self._http = http

    async def records(self, domain: str = "") -> list[dict[str, Any]]:
        """Return the records of a name, or of the whole zone. Raises ForeignError."""
        form = {"domain": domain or self._zone, "zone": self._zone, "listZone": "false" if domain else "true"}
        found = await self._call("get", form, seconds=LISTING_SECONDS)
        rows = found.get("records")
        if not isinstance(rows, list):
            raise _unreadable()
        return [row for row in rows if _is_record(row)]

    async def replace(
        self, *, domain: str, kind: str, ttl: int, comment: str, data: Mapping[str, str]
    ) -> None:
        """Make one record the only one of its name and type, in one step. Raises ForeignError."""
        form = {"domain": domain, "zone": self._zone, "type": kind, "ttl": str(ttl), "overwrite": "true"}
        done = await self._call("add", form | {"comments": comment, **data})
        if not isinstance(done.get("addedRecord"), dict):
            raise _unreadable()

    async def remove(self, *, domain: str, kind: str, data: Mapping[str, str]) -> None:
        """Remove one record by its whole content; one that is gone already is fine. Raises ForeignError."""
        try:
            await self._call("delete", {"domain": domain, "zone": self._zone, "type": kind, **data})
        except TechnitiumError as failure:
            if GONE not in failure.message.lower():
                raise

    async def may_write(self, *, domain: str, data: Mapping[str, str]) -> None:
        """Try to delete and to change a record that does not exist. Raises ForeignError."""
        await self.remove(domain=domain, kind="A", data=data)
        form = {"domain": domain, "zone": self._zone, "type": "A", **data}
        try:
            await self._call("update", form | {"newIpAddress": data["ipAddress"]})
        except TechnitiumError as failure:
            if UNCHANGED not in failure.message.lower():
                raise

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _call(self, verb: str, form: Mapping[str, str], *, seconds: float = SECONDS) -> dict[str, Any]:
        """Return the response of a success."""
        answer = await self._http.request(
            "POST",
            f"{self._base}/zones/records/{verb}",
            budget=Budget.seconds(seconds),
            headers=self._headers,
            form={**form, **self._secret},
            limit=LISTING_LIMIT if verb == "get" else 1 << 20,
        )
        body = answer.json
        if answer.status == 200 and isinstance(body, dict) and body.get("status") == "ok":  # noqa: PLR2004 - OK
            response = body.get("response")
            return response if isinstance(response, dict) else {}
        raise _refused(answer, body)


def _refused(answer: Answer, body: Any) -> ForeignError:
    if answer.status >= 400:  # noqa: PLR2004 - of something before it, or of a bug in it
        transient = answer.status >= 500 or answer.status in {408, 429}  # noqa: PLR2004 - HTTP classes
        return ForeignError(f"Technitium answered {answer.status}", transient=transient, status=answer.status)
    status = body.get("status") if isinstance(body, dict) else None
    if status == "invalid-token":
        return TechnitiumError("Technitium does not know the token", transient=False)
    if status in {"error", "2fa-required"}:
        return TechnitiumError(f"Technitium refused: {body.get('errorMessage')!s:.200}", transient=False)
    return _unreadable()


def _unreadable() -> ForeignError:
    return ForeignError("Technitium answered with what cannot be read", transient=True, timed_out=True)


def _is_record(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("type"), str)
        and isinstance(row.get("rData"), dict)
    )
