"""An operation as people follow it: its declared phases in words, and what can be done about it.

The phases are the workflows' steps; one that is not known here is shown by its own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from zpack.portal.api import Problem
from zpack.portal.texts import read_moment

if TYPE_CHECKING:
    from zpack.portal.texts import Texts
    from zpack.portal.visit import Visit

StepState = Literal["done", "now", "failed", "waiting", "undone"]
CREATE, DELETE = "instance-create", "instance-delete"
UNDO = "undo "
PHASES = {
    CREATE: (
        "allocate-vmid", "clone-container", "configure-container", "start-container", "wait-for-ip",
        "build-agent-payload", "send-agent-config", "await-ready", "persist-instance", "publish-edge",
    ),
    DELETE: ("archive-instance", "unpublish-edge", "delete-container", "remove-instance"),
    "host-start": ("start-host", "note-address", "release-host"),
    "host-stop": ("stop-host", "release-host"),
    "host-restart": ("stop-host", "start-host", "note-address", "release-host"),
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One phase: what it is called, and how far it is."""

    text: str
    state: StepState


@dataclass(frozen=True)
class Progress:
    """One operation of the API's, and the server it led to."""

    operation: dict[str, Any]
    title: str
    steps: tuple[Step, ...]
    server: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.operation["id"])

    @property
    def name(self) -> str:
        """Return what the server is called, or else its host name."""
        return str(self.operation["displayName"] or self.operation["hostname"] or "")

    @property
    def path(self) -> str:
        """Return where its page is."""
        return f"/servers/create/{self.id}"

    @property
    def status(self) -> str:
        """Return the API's word."""
        return str(self.operation["status"])

    @property
    def active(self) -> bool:
        """Whether it is not over."""
        return self.status in {"queued", "running"}

    @property
    def undoing(self) -> bool:
        """Whether what was done is being taken back."""
        return self.active and str(self.operation.get("phase") or "").startswith(UNDO)

    @property
    def cancellable(self) -> bool:
        """Whether it can be called off: a delete only goes forward."""
        return self.active and not self.undoing and self.operation["kind"] != DELETE

    @property
    def retryable(self) -> bool:
        """Whether it can be tried again."""
        return self.status in {"failed", "cancelled"}

    @property
    def percent(self) -> int:
        """Return how far it is."""
        return round(100 * float(self.operation["progress"]))

    @property
    def seconds(self) -> float:
        """Return how long it takes or took."""
        began = read_moment(self.operation["startedAt"])
        ended = read_moment(self.operation.get("finishedAt")) or datetime.now(UTC)
        return max(0.0, (ended - began).total_seconds()) if began else 0.0

    @property
    def clock(self) -> str:
        """Return that as a clock shows it."""
        minutes, seconds = divmod(int(self.seconds), 60)
        return f"{minutes}:{seconds:02}"

    @property
    def now(self) -> str | None:
        """Return the phase that it is in, or failed in."""
        return next((step.text for step in self.steps if step.state in {"now", "failed"}), None)


def progress_of(texts: Texts, operation: dict[str, Any], *, server: dict[str, Any] | None = None) -> Progress:
    """Return an operation's progress in a language."""
    words, kind = _words(texts), str(operation["kind"])
    phases = PHASES.get(kind, ())
    here = _reached(operation, phases)
    steps = tuple(
        Step(words.get(name, name), _state(operation, number, here)) for number, name in enumerate(phases)
    )
    return Progress(operation, _titles(texts).get(kind, kind), steps, server)


async def followed(visit: Visit, operation_id: str) -> Progress:
    """Return an operation's progress, with the server once there is one. Raises Problem."""
    operation = (await visit.api.get(f"/api/operations/{operation_id}"))["operation"]
    server = None
    if operation["status"] == "succeeded" and operation["kind"] != DELETE:
        try:
            server = await visit.api.get(f"/api/servers/{operation['vmid']}/status")
        except Problem:
            server = None  # it was deleted since
    return progress_of(visit.texts, operation, server=server)


async def under_way(visit: Visit, view: dict[str, Any]) -> Progress | None:
    """Return the progress of what is under way on a server or its host; None when nothing can be read."""
    running = view["hostOperation"] or {}
    try:
        if "id" in running:
            return await followed(visit, running["id"])
        told = await visit.api.get("/api/operations", active="true", vmid=view["vmid"], limit=1)
    except Problem:
        return None
    return next((progress_of(visit.texts, each) for each in told["operations"]), None)


def _reached(operation: dict[str, Any], phases: tuple[str, ...]) -> int:
    """Return the number of the furthest phase that began; undoing does not take the progress back."""
    phase = operation.get("phase")
    if phase is None:
        return -1
    return phases.index(phase) if phase in phases else round(float(operation["progress"]) * len(phases))


def _state(operation: dict[str, Any], number: int, here: int) -> StepState:
    status, undoing = operation["status"], str(operation.get("phase") or "").startswith(UNDO)
    if status == "succeeded" or (status in {"queued", "running"} and not undoing and number < here):
        return "done"
    if number > here:
        return "waiting"
    if status == "failed" and number == here:
        return "failed"
    return "undone" if status in {"failed", "cancelled"} or undoing else "now"


def _titles(texts: Texts) -> dict[str, str]:
    return {
        CREATE: texts("Creating a server"),
        DELETE: texts("Deleting the server"),
        "host-start": texts("Starting the Host"),
        "host-stop": texts("Stopping the Host"),
        "host-restart": texts("Restarting the Host"),
    }


def _words(texts: Texts) -> dict[str, str]:
    return {
        "allocate-vmid": texts("Reserve a place"),
        "clone-container": texts("Copy the Host from its template"),
        "configure-container": texts("Give it memory and processors"),
        "start-container": texts("Start the Host"),
        "wait-for-ip": texts("Wait for its network"),
        "build-agent-payload": texts("Write its instructions"),
        "send-agent-config": texts("Hand them over"),
        "await-ready": texts("Install, and wait until it is ready"),
        "persist-instance": texts("Put it on your list"),
        "publish-edge": texts("Make it reachable"),
        "archive-instance": texts("Put it into the archive"),
        "unpublish-edge": texts("Take its address back"),
        "delete-container": texts("Delete the Host and its data"),
        "remove-instance": texts("Take it off your list"),
        "start-host": texts("Start the Host"),
        "stop-host": texts("Stop the Host"),
        "note-address": texts("Learn its address"),
        "release-host": texts("Finish"),
    }
