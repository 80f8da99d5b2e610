"""What is said about a server's idleness, what is known of its use, and what clients see of both: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StringConstraints

from zpack.control.accounts.models import Body

MINUTES_MOST = 10_080
KEEP_MOST = 1440
Minutes = Annotated[float, Field(gt=0, le=MINUTES_MOST, allow_inf_nan=False, strict=True)]
State = Literal["awake", "asleep", "waking"]


class RuleBody(Body):
    """``PUT /api/servers/{id}/idle``; null leaves it to the plan."""

    model_config = ConfigDict(extra="forbid")

    enabled: StrictBool | None = None
    minutes: Minutes | None = None
    wake: StrictBool = True
    """Whether a player's join, or whoever opens the IDE, starts it again."""


class KeepAliveBody(Body):
    """``POST /api/servers/{id}/keep-alive``."""

    model_config = ConfigDict(extra="forbid")

    minutes: Annotated[float, Field(gt=0, le=KEEP_MOST, allow_inf_nan=False, strict=True)] = 60


class WakeBody(Body):
    """``POST /internal/velocity/wake``; ``address`` is the player's."""

    server_name: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    address: Annotated[str, StringConstraints(max_length=64)] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for a server: whether it stops when nobody uses it, and after how many minutes.

    ``most`` is the most its owner may choose, and ``required`` says that it may not be switched off.
    """

    enabled: bool
    minutes: float
    most: float
    required: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    """All that is stored of a server whose use is watched."""

    vmid: int
    owner: str | None
    hostname: str
    ctype: str
    game: str | None
    ip: str | None
    seed: str
    started_at: datetime
    """When it was created, or last started."""
    busy: str | None
    """Kind of the oldest unfinished operation."""
    suspended: bool
    published: bool
    sleeping: bool
    """Whether the edge was told that it sleeps."""
    plan: Mapping[str, Any] | None
    """The plan's word."""
    done_at: datetime | None
    done: str | None
    """What people did to it last, as the audit names it."""
    enabled: bool | None
    minutes: float | None
    wake: bool
    keep_until: datetime | None
    active_at: datetime | None
    activity: str | None
    stops_at: datetime | None
    reason: str | None
    asleep_since: datetime | None
    woken_at: datetime | None
    wake_seconds: float | None
    operation_status: str | None
    """How the operation stands that we began last."""
    operation_ended: datetime | None

    @property
    def state(self) -> State:
        """Return whether it sleeps."""
        if self.woken_at is not None:
            return "waking"
        return "asleep" if self.asleep_since is not None else "awake"


@dataclass(frozen=True, slots=True)
class Use:
    """One sign of use."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a look at a server came to; ``stop`` says that its time is over."""

    active_at: datetime
    activity: str
    stops_at: datetime | None
    reason: str
    stop: bool = False
    quiet: bool = False
    """Whether there is evidence that nobody uses it now."""
