"""Cloudflare's API v4, as far as the records of one zone go (contract §6.1).

Every answer says ``success``; the HTTP status alone proves nothing. The limit of 1,200 calls in five minutes
is the token's owner's, whoever else calls for him; so not all of it is used here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zpack.control.outside.http import Answer, ForeignHttp

API = "https://api.cloudflare.com/client/v4"
SECONDS = 10.0
CALLS, WINDOW_SECONDS, PAUSE_SECONDS = 1000, 300.0, 60.0
PAGE = 1000
PAGES_MOST = 200
BODY_LIMIT = 8 << 20
BATCH = 200
"""Changes of one batch, on every plan."""
STALE = frozenset({81044, 81057, 81058})
"""What it says when the zone is not as it was: a record is gone, or exists already."""


class CloudflareError(ForeignError):
    """Cloudflare said no; ``codes`` are its own."""

    codes: frozenset[int] = frozenset()


class Cloudflare:
    """Reads and changes the records of one zone."""

    def __init__(self, *, token: str, zone_id: str, http: ForeignHttp, base_url: str = API) -> None:
        self._zone = f"{base_url.rstrip('/')}/zones/{zone_id}"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = http
        self._pages = 1
        self.pace = Pace(name="Cloudflare", amount=CALLS, seconds=WINDOW_SECONDS)

    @property
    def pages(self) -> int:
        """Calls that it took to read the whole zone when that was last done."""
        return self._pages

    async def zone(self) -> Mapping[str, Any]:
        """Return what the zone is. Raises ForeignError."""
        result = (await self._call("GET", ""))["result"]
        return result if isinstance(result, dict) else {}

    async def records(self, *, ending: str = "") -> list[dict[str, Any]]:
        """Return the zone's records, all of them or those whose name ends so. Raises ForeignError."""
        found: list[dict[str, Any]] = []
        for page in range(1, PAGES_MOST + 1):
            params = {"per_page": str(PAGE), "page": str(page)} | (
                {"name.endswith": ending} if ending else {}
            )
            body = await self._call("GET", "/dns_records", params=params)
            rows = body["result"]
            if not isinstance(rows, list):
                raise _unreadable()
            found += [row for row in rows if _is_record(row)]
            pages = _pages(body)
            if page >= pages:
                if not ending:
                    self._pages = max(1, pages)
                return found
        raise ForeignError(f"the zone has more than {PAGE * PAGES_MOST} records", transient=False)

    async def batch(
        self,
        *,
        deletes: Sequence[Mapping[str, Any]],
        patches: Sequence[Mapping[str, Any]],
        posts: Sequence[Mapping[str, Any]],
    ) -> None:
        """Make all these changes or none. Raises CloudflareError with its codes, ForeignError."""
        asked = {"deletes": deletes, "patches": patches, "posts": posts}
        body = await self._call(
            "POST", "/dns_records/batch", json_body={name: rows for name, rows in asked.items() if rows}
        )
        done = body["result"] if isinstance(body["result"], dict) else {}
        if any(len(done.get(name) or ()) != len(rows) for name, rows in asked.items()):
            raise ForeignError(
                "Cloudflare confirmed only some of the changes", transient=True, timed_out=True
            )

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _call(self, method: str, path: str, **call: Any) -> dict[str, Any]:
        """Return the body of a success."""
        self.pace.take()
        answer = await self._http.request(
            method,
            self._zone + path,
            budget=Budget.seconds(SECONDS),
            headers=self._headers,
            limit=BODY_LIMIT,
            **call,
        )
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.pace.pause(_seconds(answer.headers.get("Retry-After")))
        body = answer.json
        if isinstance(body, dict) and body.get("success") is True and answer.status < 300:  # noqa: PLR2004 - any 2xx
            return {"result": None, **body}
        raise _refused(answer, body)


def _refused(answer: Answer, body: Any) -> ForeignError:
    """Return the error of an answer that is no success."""
    transient = answer.status >= 500 or answer.status in {408, 429}  # noqa: PLR2004 - HTTP classes
    listed = body.get("errors") if isinstance(body, dict) else None
    errors = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not errors and answer.status < 400:  # noqa: PLR2004 - neither a success nor a refusal
        return _unreadable()
    said = "; ".join(f"{one.get('message')} ({one.get('code')})" for one in errors)[:300]
    failure = CloudflareError(
        f"Cloudflare answered {answer.status}: {said or 'no reason'}",
        transient=transient,
        status=answer.status,
    )
    failure.codes = frozenset(code for one in errors if isinstance(code := one.get("code"), int))
    return failure


def _unreadable() -> ForeignError:
    return ForeignError("Cloudflare answered with what cannot be read", transient=True, timed_out=True)


def _is_record(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(key), str) for key in ("id", "name", "type"))


def _pages(body: Mapping[str, Any]) -> int:
    info = body.get("result_info")
    pages = info.get("total_pages") if isinstance(info, dict) else None
    return pages if isinstance(pages, int) and not isinstance(pages, bool) else 1


def _seconds(retry_after: str | None) -> float:
    """Return how long the header ``Retry-After`` asks us to wait."""
    told = retry_after is not None and retry_after.isascii() and retry_after.isdigit()
    return float(retry_after or 0) if told else PAUSE_SECONDS
