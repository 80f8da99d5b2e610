"""One server, as the pages about it know it: what they share, above all the frame with its tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.responses import Response

    from zpack.portal.visit import Visit

GAME_TABS = ("overview", "console", "files", "backups", "mods", "activity", "settings")
DEV_TABS = ("overview", "console", "files", "activity", "settings")
TONES = {
    "suspended": "warn",
    "host_starting": "busy",
    "host_stopping": "busy",
    "host_restarting": "busy",
    "asleep": "",
    "maintenance": "busy",
    "online": "ok",
    "starting": "busy",
    "publishing": "busy",
    "unreachable": "warn",
    "silent": "warn",
    "crashed": "bad",
    "stopped": "",
}
"""How each state of a server looks; ``busy`` passes by itself."""
OF_CONNECTION = {
    "connectable": "online",
    "starting": "starting",
    "not_registered": "publishing",
    "ping_failed": "unreachable",
    "asleep": "asleep",
}
WORKING = frozenset({"running", "starting", "installing", "stopping"})


@dataclass(frozen=True)
class Server:
    """The API's ``/api/servers/{id}/status``, and what pages ask of it."""

    view: dict[str, Any]

    @property
    def id(self) -> str:
        """Return its id, which is its VMID in digits."""
        return str(self.view["id"])

    @property
    def name(self) -> str:
        """Return what its owner calls it, or else its host name."""
        return str(self.view["displayName"] or self.view["name"])

    @property
    def is_dev(self) -> bool:
        """Whether it is a dev container."""
        return self.view.get("category") == "DEV"

    @property
    def base(self) -> str:
        """Return where its pages are."""
        return f"/servers/{self.id}"

    @property
    def tabs(self) -> tuple[str, ...]:
        """Return its tabs, in order."""
        return DEV_TABS if self.is_dev else GAME_TABS

    @property
    def host_runs(self) -> bool:
        """Whether its host is up, so that the game in it can be started and stopped."""
        return self.view["hostStatus"] == "running"

    @property
    def game_runs(self) -> bool:
        """Whether there is a game to stop."""
        return self.host_runs and self.view["status"] in WORKING

    @property
    def state(self) -> str:
        """Return the one word for how it is; one of TONES."""
        view, connection = self.view, self.view["connection"]
        if view["suspended"]:
            return "suspended"
        if view["hostStatus"] not in {"running", "stopped"}:
            return f"host_{view['hostStatus']}"
        if view["maintenance"]:
            return "maintenance"
        if connection["state"] == "not_published":
            return "unreachable" if (view.get("edge") or {}).get("state") == "failed" else "publishing"
        return OF_CONNECTION.get(connection["state"]) or self._down()

    @property
    def tone(self) -> str:
        """Return how its state looks."""
        return TONES[self.state]

    def _down(self) -> str:
        if not self.host_runs and self.view["powerState"] is not None:
            return "stopped"
        if self.view["status"] in {"crashed", "error"}:
            return "crashed"
        return "silent" if self.view["agentStatus"] == "offline" else "stopped"


@dataclass(frozen=True)
class Answer:
    """What the API said to one of a page's questions: a page shows what it got, and what it did not."""

    value: Any = None
    problem: Problem | None = None


async def answered(call: Awaitable[Any]) -> Answer:
    """Wait for a call, and keep its refusal beside its answer."""
    try:
        return Answer(await call)
    except Problem as problem:
        return Answer(problem=problem)


async def server_of(visit: Visit) -> Server:
    """Return the server that the address names. Raises Problem."""
    return Server(await visit.api.get(f"/api/servers/{visit.path['id']}/status"))


def framed(
    visit: Visit, server: Server, template: str, *, tab: str, status: int = 200, **values: Any
) -> Response:
    """Answer with a page of a server: ``template`` extends ``server.html``; ``tab`` is the current one."""
    return visit.page(template, status=status, server=server, view=server.view, tab=tab, **values)


def fragment(visit: Visit, server: Server, template: str, **values: Any) -> Response:
    """Answer with a part of a server's page: a template of its own, which the page includes."""
    return visit.part(template, server=server, view=server.view, **values)
