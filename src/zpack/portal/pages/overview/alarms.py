"""What an operator has to know first, the worst before the rest: pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.portal.fleet import BAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BRAKE = "mass_event"
TROUBLED = "/admin/fleet?show=trouble#containers"
FULL = 0.9
"""From this share on a node has no room left to speak of."""


@dataclass(frozen=True)
class Alarm:
    """Something that somebody has to look at. ``kind`` names its words in the template."""

    kind: str
    to: str
    tone: str = "bad"
    number: int = 1
    what: str = ""


def alarms(found: Mapping[str, Any]) -> list[Alarm]:
    """Return what is wrong; what could not be asked says nothing here."""
    every = [*_drift(found.get("drift")), *_fleet(found.get("fleet"), found.get("glance"))]
    every += _operations(found.get("numbers"))
    return sorted(every, key=lambda alarm: alarm.tone != "bad")


def _drift(drift: Mapping[str, Any] | None) -> Iterator[Alarm]:
    findings = drift["drift"] if drift else []
    if any(one["kind"] == BRAKE for one in findings):
        yield Alarm("brake", "/admin/drift")
    if waiting := [one for one in findings if one["kind"] != BRAKE]:
        yield Alarm("drift", "/admin/drift", "warn", len(waiting))


def _fleet(fleet: Mapping[str, Any] | None, glance: Any) -> Iterator[Alarm]:
    if fleet is None or glance is None:
        return
    for error in fleet["errors"]:
        yield Alarm("away", "/admin/health", what=f"{error['system']}: {error['message']}")
    for node in glance.nodes:
        name = node.facts["name"]
        if not node.online:
            yield Alarm("node", f"/admin/fleet?node={name}", number=len(node.containers), what=name)
        elif node.facts["maxMemory"] and node.free < (1 - FULL) * node.facts["maxMemory"]:
            yield Alarm("full", f"/admin/fleet?node={name}", "warn", what=name)
    counts = Counter(one["trouble"] for one in glance.troubled)
    for trouble, number in counts.most_common():
        yield Alarm(trouble, TROUBLED, "bad" if trouble in BAD else "warn", number)


def _operations(numbers: Mapping[str, Any] | None) -> Iterator[Alarm]:
    if numbers is None:
        return
    if failed := numbers["operations"]["failed"]:
        yield Alarm("failed", "/admin/operations?status=failed", "warn", failed)
    if numbers["tickets"]:
        yield Alarm("tickets", "/admin/support", "warn", numbers["tickets"])
