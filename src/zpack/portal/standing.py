"""How a server stands, in words for people: a list, a dashboard and a page say the same of it.

What is expected to be down, stopped or asleep is calm; only what should run and does not asks for attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zpack.portal.brands import branded
from zpack.portal.texts import read_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.portal.texts import Texts

SOON = timedelta(minutes=15)
OK, BUSY, CALM, WARN, BAD = "ok", "busy", "", "warn", "bad"


@dataclass(frozen=True)
class Standing:
    """One server of the API's list, with what it is doing."""

    view: dict[str, Any]
    tone: str
    state: str
    rank: int = 0
    """How much it asks for attention; 0 is not at all."""

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.view["id"])

    @property
    def name(self) -> str:
        """Return what its owner calls it, or else its host name."""
        return str(self.view["displayName"] or self.view["name"])

    @property
    def named(self) -> bool:
        """Whether it has a name beside its host's."""
        return self.view["displayName"] is not None

    @property
    def is_dev(self) -> bool:
        """Whether it is a dev environment."""
        return self.view["category"] == "DEV"

    @property
    def online(self) -> bool:
        """Whether it can be used."""
        return self.tone == OK

    @cached_property
    def kind(self) -> str:
        """Return what runs on it."""
        words = (self.view["runtime"], self.view["flavor"], self.view["version"])
        return " ".join(dict.fromkeys(branded(word) for word in words if word and word != "unknown"))

    @cached_property
    def words(self) -> str:
        """Return what it is found by."""
        named = [self.view["displayName"]] if self.named else []
        addresses = [each["address"] for each in self.view["endpoints"]] or [self.view["address"]]
        return " ".join([*named, self.view["name"], self.kind, self.state, *addresses]).lower()

    def holds(self, text: str) -> bool:
        """Say whether every word of a text is found in it."""
        return all(word in self.words for word in text.lower().split())


@dataclass(frozen=True)
class Totals:
    """How many servers there are, and how many can be used."""

    total: int
    online: int
    attention: int

    @property
    def offline(self) -> int:
        """Return how many cannot be used."""
        return self.total - self.online


def standings(texts: Texts, views: Iterable[dict[str, Any]]) -> list[Standing]:
    """Return how these servers stand."""
    return [standing_of(texts, view) for view in views]


def totals_of(servers: list[Standing]) -> Totals:
    """Count them."""
    online = sum(server.online for server in servers)
    return Totals(len(servers), online, sum(server.rank > 1 for server in servers))


def standing_of(texts: Texts, view: dict[str, Any]) -> Standing:
    """Return how a server stands; the first of these that holds."""
    if view["suspended"]:
        return Standing(view, WARN, texts("Suspended"))
    operation = (view["hostOperation"] or {}).get("type")
    if operation:
        return Standing(view, BUSY, _moving(texts).get(operation, texts("The Host is changing")))
    if view["operationInProgress"] or view["maintenance"]:
        return Standing(view, BUSY, str(view["operationMessage"] or texts("Maintenance")))
    if view["connection"]["connectable"]:
        return _usable(texts, view)
    return _unusable(texts, view)


def _usable(texts: Texts, view: dict[str, Any]) -> Standing:
    stops = read_moment((view["idle"] or {}).get("stopsAt"))
    if stops is not None and stops - datetime.now(UTC) < SOON:
        return Standing(view, OK, texts("Stops soon, nobody uses it"), rank=1)
    ready = texts("Ready") if view["category"] == "DEV" else texts("Players can join")
    return Standing(view, OK, ready)


def _unusable(texts: Texts, view: dict[str, Any]) -> Standing:
    state = view["connection"]["state"]
    if state == "offline":
        return _offline(texts, view)
    tone, text, rank = {
        "starting": (BUSY, texts("Starting"), 0),
        "asleep": (CALM, texts("Asleep, nobody used it"), 0),
        "not_published": (WARN, texts("Not reachable yet"), 2),
        "not_registered": (BUSY, texts("Becoming reachable"), 0),
        "ping_failed": (BAD, texts("Players cannot reach it"), 3),
    }.get(state, (WARN, texts("Unknown state"), 2))
    return Standing(view, tone, text, rank)


def _offline(texts: Texts, view: dict[str, Any]) -> Standing:
    if view["powerState"] not in {"running", None}:
        return Standing(view, CALM, texts("Host stopped"))
    if view["status"] in {"crashed", "error"}:
        text = texts("Crashed") if view["status"] == "crashed" else texts("Failed")
        return Standing(view, BAD, text, rank=4)
    if view["agentStatus"] == "online":
        return Standing(view, CALM, texts("Stopped"))
    return Standing(view, BAD, texts("No answer"), rank=3)


def _moving(texts: Texts) -> dict[str, str]:
    return {
        "start": texts("Host is starting"),
        "stop": texts("Host is stopping"),
        "restart": texts("Host is restarting"),
    }
