"""The operator's door, ``/_simulate``: faults, deliveries, time, and events that nobody's call causes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from zpack.simulate.stripe.billing import checkouts, disputes
from zpack.simulate.stripe.billing.due import pass_time
from zpack.simulate.stripe.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from zpack.simulate.stripe.delivery import Deliveries
    from zpack.simulate.stripe.door import Door
    from zpack.simulate.stripe.world import World

LONGEST = 2 * 366 * 86_400
KEPT_SECRETS = 2


class Rehearsal:
    """Serves what only the simulation has. It asks for the same key as the API."""

    def __init__(self, world: World, deliveries: Deliveries, door: Door) -> None:
        self._world = world
        self._deliveries = deliveries
        self._door = door

    def routes(self) -> list[web.RouteDef]:
        """Return the door's routes."""
        return [
            web.get("/_simulate/faults", self._guarded(self._faults)),
            web.post("/_simulate/faults", self._guarded(self._add_faults)),
            web.delete("/_simulate/faults", self._guarded(self._clear_faults)),
            web.get("/_simulate/deliveries", self._guarded(self._list)),
            web.post("/_simulate/deliver", self._guarded(self._deliver)),
            web.get("/_simulate/events", self._guarded(self._events)),
            web.post("/_simulate/events", self._guarded(self._emit)),
            web.post("/_simulate/time", self._guarded(self._time)),
            web.post("/_simulate/disputes", self._guarded(self._dispute)),
            web.post("/_simulate/checkout/{session}", self._guarded(self._settle)),
            web.post("/_simulate/secrets/{endpoint}", self._guarded(self._roll)),
            web.get("/_simulate/settings", self._guarded(self._settings)),
            web.post("/_simulate/settings", self._guarded(self._choose)),
        ]

    def _guarded(
        self, act: Callable[[web.Request, dict[str, Any]], Any]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                self._door.admit(request)
                body = act(request, await _body(request))
            except ApiError as failure:
                return web.json_response({"error": failure.body}, status=failure.status)
            finally:
                self._world.store.flush()
            return web.json_response(body)

        return handle

    def _faults(self, request: web.Request, body: dict[str, Any]) -> Any:
        del request, body
        return {"faults": self._world.faults.rows()}

    def _add_faults(self, request: web.Request, body: dict[str, Any]) -> Any:
        try:
            self._world.faults.plan(body.get("faults", body))
        except ValueError as failure:
            raise invalid(str(failure), param="faults") from None
        return self._faults(request, body)

    def _clear_faults(self, request: web.Request, body: dict[str, Any]) -> Any:
        self._world.faults.clear()
        return self._faults(request, body)

    def _list(self, request: web.Request, body: dict[str, Any]) -> Any:
        del request, body
        return {"deliveries": self._deliveries.rows(), "pending": self._deliveries.pending()}

    def _deliver(self, request: web.Request, body: dict[str, Any]) -> Any:
        """Let go what is held; with ``events``, deliver those once more."""
        del request
        for ident in body.get("events") or []:
            self._deliveries.again(self._world.store.get("event", str(ident), param="events"))
        return {"released": self._deliveries.release()}

    def _events(self, request: web.Request, body: dict[str, Any]) -> Any:
        del request, body
        rows = [
            {k: e[k] for k in ("id", "type", "created", "pending_webhooks")}
            for e in self._world.store.all("event")
        ]
        return {"events": rows}

    def _emit(self, request: web.Request, body: dict[str, Any]) -> Any:
        """Tell of an object with an event of any type."""
        del request
        found = self._world.store.anywhere(str(body.get("object", "")))
        if found is None or not isinstance(body.get("type"), str):
            raise invalid("Give the `type` of the event and the id of an `object`.", param="object")
        return self._world.emit(body["type"], found)

    def _time(self, request: web.Request, body: dict[str, Any]) -> Any:
        """Move the time of everything that lives by no test clock."""
        del request
        seconds = body.get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= LONGEST:
            raise invalid("Give `advance_seconds`, at most two years.", param="advance_seconds")
        self._world.add_time(seconds)
        pass_time(self._world, None, self._world.wall())
        return {"now": self._world.wall()}

    def _dispute(self, request: web.Request, body: dict[str, Any]) -> Any:
        del request
        charge = self._world.store.get("charge", str(body.get("charge", "")), param="charge")
        return disputes.dispute(self._world, charge)

    def _settle(self, request: web.Request, body: dict[str, Any]) -> Any:
        """Say what became of a checkout that was paid late."""
        session = self._world.store.get("checkout.session", request.match_info["session"])
        return checkouts.settle(self._world, session, succeeded=body.get("outcome") == "succeeded")

    def _roll(self, request: web.Request, body: dict[str, Any]) -> Any:
        """Give an endpoint a new secret; with ``keep`` the old one signs too."""
        note = self._world.store.note(request.match_info["endpoint"])
        secret = body.get("secret")
        if "secrets" not in note or not isinstance(secret, str) or not secret:
            raise invalid("Give the new `secret` of a known endpoint.", param="secret")
        note["secrets"] = [secret, *(note["secrets"] if body.get("keep") else [])][:KEPT_SECRETS]
        return {"signatures": len(note["secrets"])}

    def _settings(self, request: web.Request, body: dict[str, Any]) -> Any:
        del request, body
        return {key: value for key, value in asdict(self._world.settings).items() if key != "key"}

    def _choose(self, request: web.Request, body: dict[str, Any]) -> Any:
        """Change how dunning and deliveries go."""
        settings = self._world.settings
        try:
            for name in ("retry_days", "delivery_seconds"):
                if name in body:
                    setattr(settings, name, tuple(float(number) for number in body[name]))
            settings.exhausted = str(body.get("exhausted", settings.exhausted))
            settings.check()
        except (TypeError, ValueError) as failure:
            raise invalid(str(failure)) from None
        return self._settings(request, body)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.text() or "{}")
    except (ValueError, RecursionError):
        raise invalid("Invalid JSON") from None
    if isinstance(found, list):
        return {"faults": found}
    if not isinstance(found, dict):
        raise invalid("Invalid JSON: an object is needed")
    return found
