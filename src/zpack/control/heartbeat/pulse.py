"""What the poller knows of one agent between two polls, and what it makes of an answer: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from zpack.wire.agent import AgentState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.heartbeat.readiness import Readiness
    from zpack.control.instances.models import AgentAddress

TELLING = (
    "hostOnline", "state", "ready", "readySource", "readyError", "error", "installStep", "crashCount",
    "operationInProgress", "operationType", "operationMessage", "maintenance", "players", "agentVersion",
    "updateAvailable", "provisioningComplete", "provisioningError", "codeServerInstalled",
    "codeServerRunning",
)  # fmt: skip
"""Fields of a word whose change is worth telling; the others change with every poll."""
AGENT_STATES: tuple[str, ...] = get_args(AgentState)
GOLDEN = 0.6180339887
BACK_OFF = (1.0, 1.0, 2.0)
"""By how much the pause grows with the failures in a row: at twice the rhythm a word still does not expire,
so that what shows is the agent's failure and not our silence."""


@dataclass(slots=True)
class Pulse:
    """One agent. Times are on the monotonic clock, in seconds."""

    polled: AgentAddress
    token: str
    due: float
    failures: int = 0
    busy: bool = False
    in_step: bool = False
    """Whether it has its own moment in the rhythm yet; the first poll is soon, whatever the rhythm."""
    slow: dict[str, Any] = field(default_factory=dict[str, Any])
    """What is asked at a slower pace: players, version, update status."""
    slow_due: dict[str, float] = field(default_factory=dict[str, float])
    told: tuple[Any, ...] | None = None

    @property
    def share(self) -> float:
        """Return where in the rhythm this agent has its moment, from 0 to 1; neighbours are far apart."""
        return self.polled.vmid * GOLDEN % 1.0

    def next_due(self, every: float, now: float) -> float:
        """Return when to ask again: in rhythm, later after failures, never in the past.

        The moments of all agents are spread evenly over the rhythm. So between the first poll, which is soon,
        and the second lies between half a rhythm and one and a half.
        """
        if not self.in_step:
            self.in_step = True
            earliest = now + every / 2
            return earliest + (self.share * every - earliest) % every
        due = self.due + every * BACK_OFF[min(self.failures, len(BACK_OFF) - 1)]
        return due if due > now else now + every * 0.5


def outcome_of(word: Mapping[str, Any]) -> str:
    """Return how a poll went, in one of three words."""
    if not word["hostOnline"]:
        return "offline"
    return "ready" if word["ready"] else "online"


def state_of(pulse: Pulse) -> str:
    """Return an agent's state in one of our words, whatever it says itself."""
    if pulse.told is None:
        return "unknown"
    online, state = pulse.told[:2]
    if not online:
        return "offline"
    return state if state in AGENT_STATES else "other"


def word_of(*, status: Mapping[str, Any], verdict: Readiness, slow: Mapping[str, Any]) -> dict[str, Any]:
    """Return the word of an agent that answered (contract §3.7); the caller adds ``lastSeen``."""
    return {
        "error": None,
        **status,
        "hostOnline": True,
        "ready": verdict.ready,
        "readySource": verdict.source,
        "readyError": verdict.reason,
        **slow,
    }


def word_of_failure(*, online: bool, reason: str, status: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the word of an agent that did not answer as it should."""
    return {**(status or {}), "hostOnline": online, "ready": False, "readyError": reason, "error": reason}


def telling(word: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what of a word is compared with the last one."""
    return tuple(str(word.get(key)) for key in TELLING)
