"""OPNsense's firewall API: port forwards, aliases, apply with roll-back.

It answers 200 to nearly everything: ``result`` tells what came of a change, and what is unknown is an empty
list. Port forwards may be there twice, so whoever adds one looks first; their description tells them apart.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.outside.http import Answer, ForeignHttp

MISSING = 404
PAGE = 500
DONE = frozenset({"saved", "deleted", "not found"})
FORWARDS, ALIASES, RULES = "firewall/d_nat", "firewall/alias", "firewall/filter"


@dataclass(frozen=True)
class Forward:
    """One port forward, as it is searched by its description."""

    uuid: str
    interface: str
    protocol: str
    port: str
    target: str
    local_port: str
    enabled: bool
    description: str


@dataclass(frozen=True)
class Alias:
    """One alias: a name for addresses."""

    uuid: str
    name: str
    content: str


class Opnsense:
    """One firewall. Every method raises ForeignError."""

    def __init__(self, *, base_url: str, key: str, secret: str, seconds: float, http: ForeignHttp) -> None:
        pair = base64.b64encode(f"{key}:{secret}".encode()).decode()
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Basic {pair}"}
        self._seconds = seconds
        self._http = http

    async def forwards(self, phrase: str) -> list[Forward]:
        """Return the port forwards whose description begins with a phrase."""
        return [one for one in await self._forwards(phrase) if one.description.startswith(phrase)]

    async def forwards_to(self, alias: str) -> list[Forward]:
        """Return the port forwards that lead to an alias."""
        return [one for one in await self._forwards(alias) if one.target == alias]

    async def _forwards(self, phrase: str) -> list[Forward]:
        rows = await self._search(f"{FORWARDS}/search_rule", phrase)
        return [
            Forward(
                uuid=str(row.get("uuid")),
                interface=_value(row, "interface"),
                protocol=_value(row, "protocol").lower(),
                port=_value(row, "destination", "port"),
                target=_value(row, "target"),
                local_port=_value(row, "local-port"),
                enabled=_value(row, "disabled") != "1",
                description=_value(row, "descr"),
            )
            for row in rows
        ]

    async def aliases(self, prefix: str) -> list[Alias]:
        """Return the aliases whose name begins with a prefix."""
        rows = await self._search(f"{ALIASES}/search_item", prefix)
        found = [Alias(str(row.get("uuid")), _value(row, "name"), _value(row, "content")) for row in rows]
        return [one for one in found if one.name.startswith(prefix)]

    async def put_forward(self, uuid: str | None, rule: Mapping[str, Any]) -> None:
        """Add a port forward, or change the one with this UUID."""
        path = f"{FORWARDS}/set_rule/{uuid}" if uuid else f"{FORWARDS}/add_rule"
        await self._change(path, {"rule": rule})

    async def drop_forward(self, uuid: str) -> None:
        """Remove a port forward; one that is gone is fine."""
        await self._change(f"{FORWARDS}/del_rule/{uuid}")

    async def put_alias(self, uuid: str | None, *, name: str, address: str) -> None:
        """Add an alias of one host, or give the one with this UUID another address."""
        path = f"{ALIASES}/set_item/{uuid}" if uuid else f"{ALIASES}/add_item"
        alias = {"name": name, "type": "host", "content": address, "enabled": "1"}
        await self._change(path, {"alias": alias})

    async def drop_alias(self, uuid: str) -> None:
        """Remove an alias; one that is gone is fine."""
        await self._change(f"{ALIASES}/del_item/{uuid}")

    async def savepoint(self) -> str | None:
        """Return a revision that can be gone back to; None: this OPNsense offers none."""
        try:
            body = await self._call("POST", f"{RULES}/savepoint")
        except ForeignError as failure:
            if failure.status == MISSING:
                return None
            raise
        revision = body.get("revision") if isinstance(body, dict) else None
        return revision if isinstance(revision, str) and revision else None

    async def apply(self, revision: str | None) -> None:
        """Make what is configured live. With a revision it goes back by itself unless that is cancelled."""
        await self._ok("POST", f"{ALIASES}/reconfigure")
        await self._ok("POST", f"{RULES}/apply/{revision}" if revision else f"{FORWARDS}/apply")

    async def cancel_rollback(self, revision: str) -> None:
        """Let an apply stay."""
        await self._ok("POST", f"{RULES}/cancelRollback/{revision}")

    async def revert(self, revision: str) -> None:
        """Go back to a revision at once."""
        await self._ok("POST", f"{RULES}/revert/{revision}")

    async def ping(self) -> None:
        """Ask for what we need to see; a key without the privilege is refused here already."""
        await self._call("POST", f"{FORWARDS}/search_rule", {"current": 1, "rowCount": 1})

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _search(self, path: str, phrase: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for page in range(1, 1 + 100):
            wanted = {"current": page, "rowCount": PAGE, "searchPhrase": phrase}
            body = await self._call("POST", path, wanted)
            rows = body.get("rows") if isinstance(body, dict) else None
            if not isinstance(rows, list):
                raise ForeignError(f"OPNsense's {path} lists nothing we can read", transient=True)
            found += [row for row in rows if isinstance(row, dict)]
            if len(rows) < PAGE:
                break
        return found

    async def _change(self, path: str, body: Any = None) -> None:
        """Make a change. A reason that OPNsense names will not go away; no reason: look again."""
        answer = await self._call("POST", path, body)
        result = answer.get("result") if isinstance(answer, dict) else None
        if result in DONE:
            return
        reasons = answer.get("validations") if isinstance(answer, dict) else None
        message = f"OPNsense refused {'/'.join(path.split('/')[:3])}"
        if isinstance(reasons, dict) and reasons:
            raise ForeignError(f"{message}: {_reasons(reasons)}", transient=False)
        raise ForeignError(message, transient=True)

    async def _ok(self, method: str, path: str) -> None:
        body = await self._call(method, path)
        status = str(body.get("status", "")).strip().lower() if isinstance(body, dict) else ""
        if not status.startswith("ok"):
            raise ForeignError(f"OPNsense did not do {path.split('/')[2]}: {status[:100]}", transient=True)

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(
            method,
            f"{self._base}/{path}",
            budget=Budget.seconds(self._seconds),
            headers=self._headers,
            json_body={} if body is None else body,
        )
        return _read(answer)


def _read(answer: Answer) -> Any:
    """Return the parsed answer. Raises ForeignError; a wrong key or privilege will not mend itself."""
    if answer.status >= 300:  # noqa: PLR2004 - any 2xx is an answer
        transient = answer.status >= 500 or answer.status in {408, 429}  # noqa: PLR2004 - HTTP classes
        body = answer.json
        said = str(body.get("errorMessage") or body.get("message") or "") if isinstance(body, dict) else ""
        message = f"OPNsense answered {answer.status}: {said[:200]}"
        raise ForeignError(message, transient=transient, status=answer.status)
    body = answer.json
    if body is None:
        raise ForeignError("OPNsense answered something that is no JSON", transient=True)
    return body


def _value(row: Mapping[str, Any], *path: str) -> str:
    """Return a field that is nested or dotted, a text or the selected one of a map of choices."""
    found = row.get(".".join(path))
    if found is None:
        inner: Any = row
        for part in path:
            inner = inner.get(part) if isinstance(inner, dict) else None
        found = inner
    if isinstance(found, dict):
        chosen = [key for key, one in found.items() if isinstance(one, dict) and one.get("selected")]
        return "\n".join(str(key) for key in chosen)
    return "" if found is None else str(found)


def _reasons(reasons: Mapping[str, Any]) -> str:
    parts = [f"{name}: {' '.join(one) if isinstance(one, list) else one}" for name, one in reasons.items()]
    return "; ".join(parts)[:250]
