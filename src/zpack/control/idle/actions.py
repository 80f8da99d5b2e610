"""What owners say about idleness, keeping a server running, and waking one that sleeps."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import Refusal
from zpack.control.engine.limits import Rate, network_of
from zpack.control.idle import store
from zpack.control.idle.resolve import rule_of
from zpack.control.instances import store as instances
from zpack.control.instances.actions import ServerMissing
from zpack.control.power.store import HostBusy

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.engine.changes import Changes
    from zpack.control.engine.limits import RateLimit
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.idle.models import RuleBody, State, Watched
    from zpack.control.instances.actions import Instances
    from zpack.control.power.actions import Power

ACTOR = "idle"
STARTS_IN = 30.0
"""Seconds that a start is expected to take, until one was measured."""
ADDRESS = Rate(20, 3600)
"""How often one stranger's joins may wake servers."""
HOUR = 3600


class IdleRequired(Refusal):
    """The plan does not let its servers run unused."""

    kind = "forbidden"
    code = "idle_stop_required"


class MinutesRefused(Refusal):
    """Too short, or longer than the plan allows; ``details`` has the bounds."""

    code = "idle_minutes_out_of_range"


class NotWatched(Refusal):
    """A server that does not stop by itself needs not be kept."""

    kind = "conflict"
    code = "idle_stop_off"


class WakeOff(Refusal):
    """The server sleeps, and its owner does not want it woken."""

    kind = "forbidden"
    code = "wake_off"


class _Awake(Exception):
    """Somebody else has woken it in this very moment."""


@dataclass(frozen=True)
class Wakening:
    """How a server stands after somebody wanted it; ``seconds`` is how long it will take to be ready."""

    state: State
    seconds: int


class Idle:
    """Servers that stop when nobody uses them. ``billing`` and ``default_plan`` say whose plan counts."""

    def __init__(
        self,
        *,
        database: Database,
        entitlements: Entitlements,
        instances: Instances,
        power: Power,
        limit: RateLimit,
        changes: Changes,
        billing: bool,
        least_minutes: float,
        domain: str,
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._instances = instances
        self._power = power
        self._limit = limit
        self._changes = changes
        self._billing = billing
        self._least = least_minutes
        self._domain = domain

    async def shown(self, user: User, server_id: str) -> dict[str, Any]:
        """Return what holds for a server, and how it stands. Raises ServerMissing."""
        row = await self._instances.owned(user, server_id)
        return self._view(await self._find(row.vmid))

    async def rule(self, user: User, server_id: str, body: RuleBody) -> dict[str, Any]:
        """Say what holds for a server. Raises ServerMissing, IdleRequired, MinutesRefused."""
        row = await self._instances.owned(user, server_id)
        allowed = rule_of((await self._find(row.vmid)).plan, None, None)
        self._check(allowed.most, body)
        if body.enabled is False and allowed.required:
            raise IdleRequired("The plan stops servers that nobody uses.")
        async with self._database.transaction() as session:
            await store.put(session, row.vmid, enabled=body.enabled, minutes=body.minutes, wake=body.wake)
            record(session, "idle.rule", actor=user.id, vmid=row.vmid, **body.model_dump())
        await self._changes.tell(Change("server", str(row.vmid), row.customer_id))
        return self._view(await self._find(row.vmid))

    async def keep_alive(self, user: User, server_id: str, minutes: float) -> dict[str, Any]:
        """Keep a server running for some minutes at least. Raises ServerMissing, NotWatched."""
        row = await self._instances.owned(user, server_id)
        found = await self._find(row.vmid)
        if not rule_of(found.plan, found.enabled, found.minutes).enabled:
            raise NotWatched("The server does not stop by itself.")
        until = datetime.now(UTC) + timedelta(minutes=minutes)
        async with self._database.transaction() as session:
            await store.keep(session, row.vmid, until)
            record(session, "idle.keep", actor=user.id, vmid=row.vmid, until=until.isoformat())
        await self._changes.tell(Change("server", str(row.vmid), row.customer_id))
        return self._view(await self._find(row.vmid))

    async def wake(self, vmid: int, *, actor: str) -> Wakening:
        """Start a server that sleeps; one that does not is left alone.

        Raises ServerMissing, WakeOff, AccountSuspended.
        """
        found = await self._find(vmid)
        seconds = round(found.wake_seconds or STARTS_IN)
        if found.state != "asleep":
            return Wakening(found.state, seconds if found.state == "waking" else 0)
        if not found.wake:
            raise WakeOff("The server sleeps; its owner starts it.")
        await self._entitlements.check_owner(found.owner, "start")
        async with self._database.reading() as session:
            row = await instances.find(session, vmid)
        if row is None:
            raise ServerMissing("There is no such server.")

        async def also(session: AsyncSession, operation_id: str) -> None:
            if not await store.note_wake(session, vmid, operation_id):
                raise _Awake

        request_id = f"wake_{secrets.token_hex(8)}"
        try:
            await self._power.begin(row, "start", actor=actor, request_id=request_id, also=also)
        except (HostBusy, _Awake):  # it is started, or not quite stopped: whoever asks again wakes it
            return Wakening("waking", seconds)
        return Wakening("waking", seconds)

    async def opened(self, vmid: int) -> bool:
        """Start a dev container whose IDE somebody opens who may; say whether it is on its way up.

        Raises ServerMissing, AccountSuspended.
        """
        try:
            return (await self.wake(vmid, actor=ACTOR)).state == "waking"
        except WakeOff:
            return False

    async def wake_by_name(self, name: str, address: str | None) -> Wakening:
        """Start a server that a stranger wants to join.

        Raises ServerMissing, WakeOff, AccountSuspended, TooManyTries.
        """
        hostname = name.lower().removesuffix(f".{self._domain.lower()}")
        async with self._database.reading() as session:
            vmid = await store.find_named(session, hostname)
        if vmid is None:
            raise ServerMissing("There is no such server.")
        if (await self._find(vmid)).state == "asleep":
            if address is not None:
                await self._limit.hit("wake_address", network_of(address))
            await self._limit.hit("wake_server", str(vmid))
        return await self.wake(vmid, actor=ACTOR)

    async def _find(self, vmid: int) -> Watched:
        async with self._database.reading() as session:
            found = await store.find(
                session, vmid, billing=self._billing, default_plan=self._entitlements.default_plan
            )
        if found is None:
            raise ServerMissing("There is no such server.")
        return found

    def _check(self, most: float, body: RuleBody) -> None:
        least = min(self._least, most)
        if body.minutes is not None and not least <= body.minutes <= most:
            message = f"The minutes must be from {least:g} to {most:g}."
            raise MinutesRefused(message, details={"least": least, "most": most})

    def _view(self, found: Watched) -> dict[str, Any]:
        rule = rule_of(found.plan, found.enabled, found.minutes)
        return {
            "enabled": rule.enabled,
            "minutes": rule.minutes,
            "wake": found.wake,
            "own": {"enabled": found.enabled, "minutes": found.minutes},
            "bounds": {
                "least": min(self._least, rule.most),
                "most": rule.most,
                "required": rule.required,
            },
            "state": found.state,
            "reason": found.reason,
            "stopsAt": _iso(found.stops_at),
            "lastActivityAt": _iso(found.active_at),
            "lastActivity": found.activity,
            "keepAliveUntil": _iso(found.keep_until),
        }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
