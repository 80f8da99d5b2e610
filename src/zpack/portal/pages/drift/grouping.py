"""What is wrong, kind by kind and the most serious first; and what can be done about each: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

BRAKE = "mass_event"
REMEDIES = {
    "operation_stuck": ("repair",),
    "host_key_stale": ("repair",),
    "agent_offline": ("repair",),
    "row_without_container": ("repair",),
    "container_without_row": ("adopt", "delete"),
}
"""What is not named is mended by others, or by people where it came from."""
SAID = ("ownerId", "game", "variant", "runtime", "version")
"""What an adoption may be told."""


@dataclass(frozen=True)
class Group:
    """The findings of one kind."""

    kind: str
    level: int | None
    findings: tuple[dict[str, Any], ...]

    @property
    def tone(self) -> str:
        """Return how serious they are."""
        return "bad" if self.level in {None, 3} else "warn" if self.level == 2 else ""  # noqa: PLR2004 - levels

    @property
    def remedies(self) -> tuple[str, ...]:
        """Return what can be done."""
        return REMEDIES.get(self.kind, ())


def grouped(findings: Iterable[dict[str, Any]]) -> list[Group]:
    """Return the findings by kind; what no repair may touch comes first."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        kinds.setdefault(finding["kind"], []).append(finding)
    groups = [Group(kind, found[0]["level"], tuple(found)) for kind, found in kinds.items()]
    return sorted(groups, key=lambda one: (-(4 if one.level is None else one.level), one.kind))
