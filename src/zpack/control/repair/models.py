"""What was seen in one look, and what is wrong with it: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from zpack.control.accounts.models import Body

ACTOR = "system:repair"
Kind = Literal[
    "operation_stuck",
    "host_key_stale",
    "agent_offline",
    "registration_missing",
    "record_missing",
    "row_without_container",
    "container_without_row",
    "suspended_running",
    "mass_event",
    "edge_mass_event",
    "name_without_server",
]
Source = Literal["proxmox", "agents", "edge", "database"]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


@dataclass(frozen=True)
class Trait:
    """What a kind of finding needs to be judged, and from which level on it is mended."""

    needs: frozenset[Source]
    level: int | None
    """None: only people decide."""
    by: str = "repair"
    """Who closes the gap first. Of links the repair mends what stays open; of others it only writes down."""
    alarm: bool = False


TRAITS: dict[Kind, Trait] = {
    "operation_stuck": Trait(frozenset({"database"}), 1, alarm=True),
    "host_key_stale": Trait(frozenset({"database"}), 1),
    "agent_offline": Trait(frozenset({"proxmox", "agents"}), 2, alarm=True),
    "registration_missing": Trait(frozenset({"edge"}), 1, by="publishing"),
    "record_missing": Trait(frozenset({"edge"}), 1, by="publishing"),
    "row_without_container": Trait(frozenset({"proxmox"}), 3, alarm=True),
    "container_without_row": Trait(frozenset({"proxmox"}), 3, alarm=True),
    "suspended_running": Trait(frozenset({"proxmox"}), 1, by="suspension"),
    "mass_event": Trait(frozenset({"proxmox"}), None, alarm=True),
    "edge_mass_event": Trait(frozenset({"edge"}), None, alarm=True),
    "name_without_server": Trait(frozenset({"edge"}), 1, by="publishing"),
}
BY_LINK: frozenset[Kind] = frozenset({"registration_missing", "record_missing", "edge_mass_event"})
"""Kinds whose subjects begin with a link: each link is looked at, or not, by itself."""


@dataclass(frozen=True)
class Finding:
    """One difference between the world and its record."""

    kind: Kind
    subject: str
    vmid: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def id(self) -> str:
        """Return its identity: the same difference has the same at every look."""
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True)
class Server:
    """A row, as far as repair cares."""

    vmid: int
    hostname: str
    owner: str | None
    ip: str | None
    suspended: bool


@dataclass(frozen=True)
class Running:
    """An unfinished operation."""

    id: str
    kind: str
    vmid: int | None
    phase: str | None
    deadline: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Container:
    """A container of the cluster in our ranges; ``marked`` says that its configuration names us."""

    vmid: int
    node: str
    status: str
    name: str
    marked: bool = False


@dataclass(frozen=True)
class Lacking:
    """A server that a link must hold and does not, or not as it must; ``held`` is what it holds."""

    vmid: int
    hostname: str
    wanted: str
    held: str | None = None


@dataclass(frozen=True)
class Edge:
    """What one link listed."""

    lacking: tuple[Lacking, ...] = ()
    listed: int = 0
    withheld: int = 0
    """Names of no server of ours that are too many to be taken off."""


@dataclass(frozen=True)
class Snapshot:
    """One look at everything. A source that is not ``known`` answered not at all, or in part."""

    at: datetime
    known: frozenset[Source]
    servers: tuple[Server, ...] = ()
    operations: tuple[Running, ...] = ()
    reserved: frozenset[int] = frozenset()
    host_keys: dict[int, str] = field(default_factory=dict[int, str])
    """VMID → id of the operation that holds its key."""
    containers: dict[int, Container] = field(default_factory=dict[int, Container])
    heard: frozenset[int] = frozenset()
    """VMIDs whose agents have been heard lately."""
    edge: Mapping[str, Edge] = field(default_factory=dict[str, Edge])
    """The links that were looked at."""


RETRY = timedelta(minutes=1)
RETRY_CAP = timedelta(hours=6)


def pause_after(attempts: int) -> timedelta:
    """Return how long a repair that failed so many times in a row waits: twice as long each time."""
    return min(RETRY_CAP, RETRY * 2 ** min(max(attempts - 1, 0), 16))


class AdoptBody(Body):
    """``POST …/adopt``: whose the container becomes, and what is in it when its agent does not say."""

    owner_id: Annotated[Word, Field(alias="ownerId")]
    game: Word | None = None
    variant: Word | None = None
    runtime: Word | None = None
    version: Word | None = None


class RepairsQuery(Body):
    """``GET /api/admin/repairs``: ``before`` is the ``next`` of the page that was shown last."""

    before: Annotated[int, Field(ge=1, le=(1 << 31) - 1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
