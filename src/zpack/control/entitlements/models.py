"""Plans, limits and standings; the table of what each standing still allows: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field, StringConstraints

from zpack.control.accounts.models import Body

PLAN_ID = r"^[a-z0-9][a-z0-9-]{0,31}$"
LimitName = Literal["gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer"]
LIMITS: tuple[LimitName, ...] = get_args(LimitName)
BillingStatus = Literal[
    "none", "trialing", "active", "past_due", "overdue_warning", "suspended", "retained",
    "pending_deletion", "canceled", "exempt",
]  # fmt: skip
ServerState = Literal["allowed", "backup_blocked", "suspended_shutdown", "retained"]
Doing = Literal["create", "start", "backup", "restore", "console", "write", "mods", "ide"]

SUSPENDED: frozenset[ServerState] = frozenset({"suspended_shutdown", "retained"})
OVERDUE: frozenset[ServerState] = frozenset({"backup_blocked", "suspended_shutdown", "retained"})
CLOSED: Mapping[Doing, frozenset[ServerState]] = {
    "create": OVERDUE,
    "start": SUSPENDED,
    "backup": OVERDUE,
    "restore": SUSPENDED,
    "console": SUSPENDED,
    "write": SUSPENDED,
    "mods": SUSPENDED,
    "ide": SUSPENDED,
}
"""In which states an owner may no longer do something; what is not named here is always open: looking,
stopping, downloading, deleting, paying, and everything about the account itself."""


@dataclass(frozen=True)
class Limits:
    """How much a plan allows, by name; None means without limit.

    All are totals over an account's servers, except ``backupsPerServer``.
    """

    allowed: Mapping[LimitName, int | None]

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Limits:
        """Return the limits of a plan's row; one that the row does not name is 0: nothing is given away."""
        return cls({name: stored.get(name, 0) for name in LIMITS})

    def of_name(self, name: LimitName) -> int | None:
        """Return one limit."""
        return self.allowed[name]

    def wire(self) -> dict[str, int | None]:
        """Return the limits as JSON."""
        return {name: self.allowed[name] for name in LIMITS}


WITHOUT_LIMITS = Limits(dict.fromkeys(LIMITS))


@dataclass(frozen=True)
class Usage:
    """What an account's servers take together, those being created included."""

    game_servers: int = 0
    dev_containers: int = 0
    memory_mb: int = 0
    cpus: int = 0
    disk_mb: int = 0
    most_backups: int = 0
    """On the server that has most of them; 0 where nobody has asked."""

    def of(self, name: LimitName) -> int:
        """Return what counts against one limit."""
        return {
            "gameServers": self.game_servers,
            "devContainers": self.dev_containers,
            "memoryMb": self.memory_mb,
            "cpus": self.cpus,
            "diskMb": self.disk_mb,
            "backupsPerServer": self.most_backups,
        }[name]

    def wire(self) -> dict[str, int]:
        """Return the usage as JSON, by the limits' names."""
        return {name: self.of(name) for name in LIMITS if name != "backupsPerServer"}


@dataclass(frozen=True)
class Standing:
    """How an account stands: ``server_state`` is billing's word, ``held_at`` an administrator's."""

    user_id: str
    plan: str | None = None
    billing_status: BillingStatus = "none"
    server_state: ServerState = "allowed"
    suspended_at: datetime | None = None
    reason: str | None = None
    held_at: datetime | None = None
    held_reason: str | None = None


@dataclass(frozen=True)
class Change:
    """A standing before and after it was written; equal when nothing changed."""

    before: Standing
    after: Standing

    @property
    def changed(self) -> bool:
        """Whether anything did."""
        return self.before != self.after


@dataclass(frozen=True)
class Entitlement:
    """What an account may do now. ``held`` tells an administrator's suspension from one of billing."""

    plan: str | None
    limits: Limits
    billing_status: BillingStatus
    server_state: ServerState
    since: datetime | None = None
    reason: str | None = None
    held: bool = False

    @property
    def suspended(self) -> bool:
        """Whether the account's servers are kept down."""
        return self.server_state in SUSPENDED

    def allows(self, doing: Doing) -> bool:
        """Say whether the standing, not the plan, allows something."""
        return self.server_state not in CLOSED[doing]


EXEMPT = Entitlement(plan=None, limits=WITHOUT_LIMITS, billing_status="exempt", server_state="allowed")
"""Administrators pay nothing and have no limits (row S89)."""


Amount = Annotated[int, Field(ge=0, le=1_000_000_000, strict=True)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class LimitsBody(Body):
    """A plan's limits. All are named, so that none is unlimited by oversight; null is without limit."""

    model_config = ConfigDict(extra="forbid")

    gameServers: Amount | None  # noqa: N815 - the contract's spelling
    devContainers: Amount | None  # noqa: N815 - the contract's spelling
    memoryMb: Amount | None  # noqa: N815 - the contract's spelling
    cpus: Amount | None
    diskMb: Amount | None  # noqa: N815 - the contract's spelling
    backupsPerServer: Amount | None  # noqa: N815 - the contract's spelling


class PlanIdle(Body):
    """Servers of the plan stop when nobody uses them; ``minutes`` is also the most an owner may choose."""

    model_config = ConfigDict(extra="forbid")

    minutes: Annotated[float, Field(gt=0, le=10_080, allow_inf_nan=False, strict=True)]
    required: bool = False
    """Whether owners may not switch it off."""


class PlanBody(Body):
    """``PUT /api/admin/plans/{id}``: the whole plan but its id."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    priceCents: Annotated[int, Field(ge=0, le=100_000_000, strict=True)]  # noqa: N815 - the contract's spelling
    currency: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")] = "usd"
    interval: Literal["month", "year"] = "month"
    stripePriceId: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,255}$")] | None = None  # noqa: N815 - the contract's spelling
    limits: LimitsBody
    idle: PlanIdle | None = None
    position: Annotated[int, Field(ge=0, le=10_000)] = 0
    active: bool = True

    def columns(self) -> dict[str, Any]:
        """Return the row's columns."""
        return {
            "name": self.name,
            "description": self.description,
            "price_cents": self.priceCents,
            "currency": self.currency,
            "interval": self.interval,
            "stripe_price_id": self.stripePriceId,
            "limits": self.limits.model_dump(),
            "idle": self.idle.model_dump() if self.idle else None,
            "position": self.position,
            "active": self.active,
        }


class NewPlan(PlanBody):
    """``POST /api/admin/plans``."""

    id: Annotated[str, StringConstraints(pattern=PLAN_ID)]

    def columns(self) -> dict[str, Any]:
        """Return the row's columns, its id too."""
        return {"id": self.id, **super().columns()}
