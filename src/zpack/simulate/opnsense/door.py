"""The API's door: key and secret, the call in either spelling, its faults, the answer in OPNsense's shape."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from zpack.simulate.faults import MOST, Aim, Faults
from zpack.simulate.opnsense.firewall import KINDS, Firewall, InUse
from zpack.simulate.opnsense.items import row, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.simulate.faults import Fault

BODY_LIMIT = 1 << 20
ROWS = 20
ITEM = re.compile(r"(search|get|add|set|del|toggle)_(item|rule)")
LOGIN_PAGE = "<html><head><title>Login | OPNsense</title></head><body></body></html>"
MISSING = ({"errorMessage": "Endpoint not found"}, 404)
Answer = tuple[Any, int]


ACTS = frozenset(
    {"slow", "unauthorized", "forbidden", "missing", "error", "error_after", "lost", "garbage", "invalid"}
)


class Door:
    """Answers ``/api`` and the operator's ``/_simulate`` of one firewall."""

    def __init__(self, firewall: Firewall, *, key: str, secret: str) -> None:
        self.firewall = firewall
        self.faults = Faults({"call": Aim(ACTS, times=MOST)})
        self.calls: list[str] = []
        self._key = f"{key}:{secret}".encode()
        self._fixed: dict[str, Callable[[str, dict[str, Any], list[str]], Answer]] = {
            "apply": self._apply,
            "reconfigure": self._apply,
            "savepoint": self._savepoint,
            "cancel_rollback": self._cancel,
            "revert": self._revert,
            "get": self._tree,
            "get_alias_uuid": self._alias_uuid,
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self._page),
            web.get("/_simulate/state", self._state),
            web.route("*", "/_simulate/faults", self._faults),
            web.route("*", r"/api/{path:[\s\S]*}", self.handle),
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of the API."""
        self.firewall.pass_time()
        path = request.match_info["path"].strip("/")
        call = f"{request.method} {path}"
        self.calls.append(call)
        fault = self.faults.take(call)
        if fault is not None and (early := await self._early(fault)) is not None:
            return early
        if not self._admitted(request.headers.get("Authorization", "")):
            return _json({"status": 401, "message": "Authentication Failed"}, 401)
        body, status = await self._answer(request, path)
        if fault is not None and fault.do == "lost" and request.transport is not None:
            request.transport.abort()
        if fault is not None and fault.do == "error_after":
            return _json({"errorMessage": "Unexpected error, check log for details"}, 500)
        return _json(body, status)

    async def _early(self, fault: Fault) -> web.Response | None:
        """Return the answer of a fault that keeps the call from happening."""
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        answers = {
            "unauthorized": ({"status": 401, "message": "Authentication Failed"}, 401),
            "forbidden": ({"status": 403, "message": "Forbidden"}, 403),
            "missing": MISSING,
            "error": ({"errorMessage": "Unexpected error, check log for details"}, 500),
            "invalid": ({"result": "failed", "validations": {"rule.target": "not on purpose"}}, 200),
        }
        if fault.do == "garbage":
            return web.Response(body=b"<html>\xff busy", content_type="text/html")
        found = answers.get(fault.do)
        return _json(*found) if found else None

    def _admitted(self, header: str) -> bool:
        scheme, _, rest = header.partition(" ")
        try:
            given = base64.b64decode(rest, validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and secrets.compare_digest(given, self._key)

    async def _answer(self, request: web.Request, path: str) -> Answer:
        parts = path.split("/")
        module, controller, command = [_snake(part) for part in (*parts, "", "")][:3]
        words = [word for word in parts[3:] if word]
        if module == "core" and (controller, command) == ("system", "status"):
            return {"metadata": {"system": {"status": "OK", "message": "No problems were detected."}}}, 200
        if module != "firewall" or controller not in KINDS:
            return MISSING
        given = await _body(request)
        item = ITEM.fullmatch(command)
        if item is not None:
            return self._item(controller, item.group(1), request.method, given, words)
        found = self._fixed.get(command)
        if found is None:
            return MISSING
        if request.method != "POST" and not command.startswith("get"):
            return {"status": "failed"}, 200
        return found(controller, given, words)

    def _item(self, name: str, verb: str, method: str, given: dict[str, Any], words: list[str]) -> Answer:
        if verb == "search":
            return self._search(name, given), 200
        if verb == "get":
            item = self.firewall.configured[name].get(words[0]) if words else {}
            return ([] if item is None else {KINDS[name].key: shown(KINDS[name], item)}), 200
        if method != "POST":
            return {"result": "failed"}, 200
        try:
            return self._changed(name, verb, given, words), 200
        except InUse as used:
            return {"errorMessage": f"Cannot delete alias. Currently in use by a rule: {used}"}, 500

    def _changed(self, name: str, verb: str, given: dict[str, Any], words: list[str]) -> dict[str, Any]:
        ident = words[0] if words else ""
        if verb == "toggle":
            return self.firewall.toggle(name, ident, words[1] if len(words) > 1 else None)
        if verb == "del":
            return self.firewall.remove(name, ident)
        return self.firewall.add(name, given) if verb == "add" else self.firewall.change(name, ident, given)

    def _search(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        phrase = str(given.get("searchPhrase") or "").lower().split()
        rows = [row(KINDS[name], ident, item) for ident, item in self.firewall.configured[name].items()]
        found = [one for one in rows if all(any(w in v.lower() for v in one.values()) for w in phrase)]
        count, page = _whole(given.get("rowCount"), ROWS), max(1, _whole(given.get("current"), 1))
        cut = found if count < 0 else found[(page - 1) * count : page * count]
        return {"total": len(found), "rowCount": len(cut), "current": page, "rows": cut}

    def _tree(self, name: str, _given: dict[str, Any], _words: list[str]) -> Answer:
        kind = KINDS[name]
        items = {ident: shown(kind, item) for ident, item in self.firewall.configured[name].items()}
        found: Any = items or []
        for part in reversed(kind.tree):
            found = {part: found}
        return found, 200

    def _alias_uuid(self, _name: str, _given: dict[str, Any], words: list[str]) -> Answer:
        items = self.firewall.configured["alias"].items()
        found = next((ident for ident, item in items if words and item["name"] == words[0]), None)
        return ({"uuid": found} if found else []), 200

    def _savepoint(self, *_: Any) -> Answer:
        return {"status": "ok", "retention": "60", "revision": self.firewall.savepoint()}, 200

    def _apply(self, name: str, _given: dict[str, Any], words: list[str]) -> Answer:
        self.firewall.apply(words[0] if words else None)
        return {"status": "ok" if name == "alias" else "OK\n\n"}, 200

    def _cancel(self, _name: str, _given: dict[str, Any], words: list[str]) -> Answer:
        self.firewall.cancel(words[0] if words else "")
        return {"status": "OK\n\n"}, 200

    def _revert(self, _name: str, _given: dict[str, Any], words: list[str]) -> Answer:
        done = self.firewall.revert(words[0] if words else "")
        return {"status": "OK\n\n" if done else "failed"}, 200

    async def _page(self, _request: web.Request) -> web.Response:
        return web.Response(text=LOGIN_PAGE, content_type="text/html")

    async def _state(self, _request: web.Request) -> web.Response:
        self.firewall.pass_time()
        state = {"configured": self.firewall.configured, "live": self.firewall.live}
        return web.json_response(state | {"rollbackDue": self.firewall.doomed is not None})

    async def _faults(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                self.faults.plan(await request.json())
            except ValueError as wrong:
                return web.json_response({"error": str(wrong)}, status=400)
        return web.json_response({"faults": self.faults.rows()})


def _snake(word: str) -> str:
    """Return the one spelling of a name: ``delRule`` is ``del_rule``, ``get_alias_u_u_i_d`` is its UUID's."""
    found = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()
    return found.replace("u_u_i_d", "uuid")


async def _body(request: web.Request) -> dict[str, Any]:
    """Return a JSON or form body; what is neither is empty, as OPNsense takes it."""
    text = (await request.read()).decode("utf-8", "replace")
    if request.content_type == "application/json":
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    form: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        place, *path = re.findall(r"[^\[\]]+", name) or [""]
        inner = form
        for part in path:
            inner, place = inner.setdefault(place, {}), part
        inner[place] = value
    return form


def _whole(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)
