"""The API: a token, zones, records; HTTP 200 throughout, and ``status`` says what became of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.simulate.calls import Calls, bearer_of
from zpack.simulate.technitium.records import DEFAULT_TTL, Record, Refused, data_of, number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NAME, MAIL = "ns.simulated.test", "hostmaster@simulated.test"
SOA = {"serial": 1, "refresh": 900, "retry": 300, "expire": 604800, "minimum": 900}
DENIED = "Access was denied."
UNKNOWN = "Invalid token or session expired."


class Server:
    """The zones of one server, behind one token."""

    def __init__(self, zones: Sequence[str], *, token: str | None = None) -> None:
        self.zones: dict[str, list[Record]] = {}
        self.calls = Calls(refuse=_refused, token=token)
        self._token = token
        for zone in zones:
            self.create(zone)

    def create(self, zone: str) -> None:
        """Add a primary zone. Raises Refused."""
        name = zone.rstrip(".").lower()
        if name in self.zones:
            msg = f"Zone already exists: {name}"
            raise Refused(msg)
        self.zones[name] = [
            Record(name, "SOA", {"primaryNameServer": NAME, "responsiblePerson": MAIL, **SOA}, ttl=900),
            Record(name, "NS", {"nameServer": NAME}),
        ]

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._spoiled, self._told])
        calls: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
            "zones/list": self._list,
            "zones/create": self._create,
            "zones/delete": self._remove,
            "zones/records/add": self._add,
            "zones/records/get": self._get,
            "zones/records/update": self._update,
            "zones/records/delete": self._delete,
        }
        app.add_routes(self.calls.routes())
        for path, call in calls.items():
            app.router.add_route("*", f"/api/{path}", self._calling(call))
        return app

    @web.middleware
    async def _spoiled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return await self.calls.around(request, handler)

    @web.middleware
    async def _told(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as failure:
            return _error(str(failure))

    def _calling(self, call: Callable[[Mapping[str, str]], dict[str, Any]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            form = await request.post() if request.method == "POST" else {}
            given = {**request.query, **{key: str(value) for key, value in form.items()}}
            token = bearer_of(request.headers) or given.get("token", "")
            if not token or (self._token is not None and token != self._token):
                return _refused("unauthorized", 0)
            return web.json_response({"response": call(given), "status": "ok"})

        return handle

    def _list(self, given: Mapping[str, str]) -> dict[str, Any]:
        del given
        rows = [_zone(name) for name in sorted(self.zones)]
        return {"pageNumber": 1, "totalPages": 1, "totalZones": len(rows), "zones": rows}

    def _create(self, given: Mapping[str, str]) -> dict[str, Any]:
        zone = given.get("zone") or given.get("domain", "")
        self.create(zone)
        return {"domain": zone}

    def _remove(self, given: Mapping[str, str]) -> dict[str, Any]:
        zone, _ = self._at(given)
        del self.zones[zone]
        return {}

    def _get(self, given: Mapping[str, str]) -> dict[str, Any]:
        zone, domain = self._at(given)
        self.zones[zone] = [one for one in self.zones[zone] if not one.over]
        every = given.get("listZone") == "true"
        rows = [one.told() for one in self.zones[zone] if every or one.name == domain]
        return {"zone": _zone(zone), "records": rows}

    def _add(self, given: Mapping[str, str]) -> dict[str, Any]:
        zone, domain = self._at(given)
        record = _record(domain, given)
        rows = self.zones[zone]
        kinds = {one.kind for one in rows if one.name == domain}
        if (record.kind == "CNAME" and kinds - {"CNAME"}) or (record.kind != "CNAME" and "CNAME" in kinds):
            msg = f"Cannot add record: a CNAME record cannot exist with other records of {domain}."
            raise Refused(msg)
        same = [one for one in rows if (one.name, one.kind) == (domain, record.kind)]
        if given.get("overwrite") == "true":
            self.zones[zone] = [one for one in rows if one not in same]
        elif any(one.data == record.data for one in same):
            raise Refused("Cannot add record: record already exists.")
        self.zones[zone].append(record)
        return {"zone": _zone(zone), "addedRecord": record.told()}

    def _update(self, given: Mapping[str, str]) -> dict[str, Any]:
        zone, domain = self._at(given)
        old = self._find(zone, domain, given)
        if old is None:
            raise Refused("Cannot update record: the old record does not exists.")
        fresh = {key.removeprefix("new"): value for key, value in given.items() if key.startswith("new")}
        changed = {key[:1].lower() + key[1:]: value for key, value in fresh.items()}
        old.data = data_of(old.kind, {**{key: str(value) for key, value in old.data.items()}, **changed})
        old.ttl = number(given, "ttl", DEFAULT_TTL)
        old.comments = given.get("comments", "")
        old.disabled = given.get("disable") == "true"
        return {"zone": _zone(zone), "updatedRecord": old.told()}

    def _delete(self, given: Mapping[str, str]) -> dict[str, Any]:
        zone, domain = self._at(given)
        found = self._find(zone, domain, given)
        if found is None:
            raise Refused("Cannot delete record: no such record exists.")
        self.zones[zone].remove(found)
        return {}

    def _find(self, zone: str, domain: str, given: Mapping[str, str]) -> Record | None:
        kind = given.get("type", "").upper()
        data = data_of(kind, given)
        rows = (one for one in self.zones[zone] if (one.name, one.kind, one.data) == (domain, kind, data))
        return next(rows, None)

    def _at(self, given: Mapping[str, str]) -> tuple[str, str]:
        """Return the zone and the name that a call is about. Raises Refused."""
        domain = (given.get("domain") or given.get("zone", "")).rstrip(".").lower()
        wanted = given.get("zone", "").rstrip(".").lower()
        zones = [wanted] if wanted else sorted(self.zones, key=len, reverse=True)
        found = next((z for z in zones if z in self.zones and f".{domain}".endswith(f".{z}")), None)
        if found is None:
            msg = f"No such zone was found: {wanted or domain}"
            raise Refused(msg)
        return found, domain


def _record(domain: str, given: Mapping[str, str]) -> Record:
    kind = given.get("type", "").upper()
    return Record(
        name=domain,
        kind=kind,
        data=data_of(kind, given),
        ttl=number(given, "ttl", DEFAULT_TTL),
        comments=given.get("comments", ""),
        expiry_ttl=number(given, "expiryTtl", 0),
    )


def _zone(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "Primary",
        "internal": False,
        "dnssecStatus": "Unsigned",
        "soaSerial": 1,
        "lastModified": "2026-01-01T00:00:00Z",
        "disabled": False,
    }


def _error(message: str) -> web.Response:
    return web.json_response(
        {
            "status": "error",
            "errorMessage": message,
            "stackTrace": "   at simulated",
            "innerErrorMessage": None,
        }
    )


def _refused(what: str, seconds: int) -> web.Response:
    """Return a refusal; 500 and 429 come from what stands before the server."""
    if what == "unauthorized":
        return web.json_response({"status": "invalid-token", "errorMessage": UNKNOWN})
    if what == "forbidden":
        return _error(DENIED)
    if what == "rate_limit":
        return web.Response(status=429, text="slow down", headers={"Retry-After": str(seconds)})
    return web.Response(status=500, text="<h1>Internal Server Error</h1>", content_type="text/html")
