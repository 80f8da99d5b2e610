"""Whether an account may have one server more, start one, or make a backup (contract §5.7, §10.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import Refusal
from zpack.control.entitlements import store
from zpack.control.entitlements.fits import Misfit, misfits, with_one_more
from zpack.control.entitlements.models import EXEMPT, Usage

if TYPE_CHECKING:
    from collections.abc import Collection

    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.entitlements.models import BillingStatus, Doing, Entitlement


class PlanLimitReached(Refusal):
    """The plan does not hold it; ``details`` names the limit, what it allows and what is used."""

    kind = "payment"
    code = "plan_limit_reached"


class PaymentRequired(Refusal):
    """A payment is overdue: nothing new until it has arrived."""

    kind = "payment"
    code = "payment_required"


class AccountSuspended(Refusal):
    """The account's servers are kept down; ``details`` says since when."""

    kind = "forbidden"
    code = "account_suspended"


class BackupBlocked(Refusal):
    """A payment is overdue for so long that no more backups are made."""

    kind = "forbidden"
    code = "backup_blocked"


class Entitlements:
    """What accounts may do. Without ``billing`` everybody has the default plan."""

    def __init__(self, *, database: Database, billing: bool, default_plan: str) -> None:
        self._database = database
        self._billing = billing
        self.default_plan = default_plan

    async def of(self, user: User) -> Entitlement:
        """Return what an account is entitled to; administrators are exempt."""
        return EXEMPT if user.is_admin else await self.of_owner(user.id)

    async def of_owner(self, owner: str | None) -> Entitlement:
        """Return what the owner of a server is entitled to; nobody's servers are bound by nothing."""
        if owner is None:
            return EXEMPT
        async with self._database.reading() as session:
            return (await self._read(session, [owner]))[owner]

    async def of_owners(self, owners: Collection[str]) -> dict[str, Entitlement]:
        """Return what many owners are entitled to, in one round trip."""
        if not owners:
            return {}
        async with self._database.reading() as session:
            return await self._read(session, owners)

    async def profile(self, user: User) -> dict[str, Any]:
        """Return an account's plan in the shape that the portal once asked for (contract §2.13)."""
        found = await self.of(user)
        async with self._database.reading() as session:
            plan = await store.find_plan(session, found.plan) if found.plan else None
        return {
            "billing_status": "suspended" if found.suspended else PROFILE_WORDS[found.billing_status],
            "plan_name": plan.name if plan else None,
            "plan_price": plan.price_cents / 100 if plan else 0,
        }

    def plan_name(self, stored: str | None) -> str:
        """Return the plan of an account whose standing names this one."""
        return stored if self._billing and stored else self.default_plan

    async def usage(self, user: User) -> Usage:
        """Return what an account's servers take."""
        async with self._database.reading() as session:
            return await store.read_usage(session, user.id)

    async def queue(self, session: AsyncSession, user: User) -> None:
        """Wait until nobody else decides about this account; it holds until the transaction ends."""
        await store.lock(session, user.id)

    async def check_create(
        self, session: AsyncSession, user: User, *, ctype: str, memory_mb: int, cpus: int, disk_mb: int
    ) -> None:
        """Refuse a server that does not fit. Raises PlanLimitReached, PaymentRequired, AccountSuspended.

        Until the caller's transaction ends, nobody else decides about this account: of two creates for the
        last place one sees the other's reservation.
        """
        if not user.is_admin:
            await self.check_reservation(
                session, user.id, ctype=ctype, memory_mb=memory_mb, cpus=cpus, disk_mb=disk_mb
            )

    async def check_reservation(
        self,
        session: AsyncSession,
        owner: str,
        *,
        ctype: str,
        memory_mb: int,
        cpus: int,
        disk_mb: int,
        operation_id: str = "",
    ) -> None:
        """Do the same for an operation that has an owner's id only, and may hold its place already."""
        await store.lock(session, owner)
        found = (await self._read(session, [owner]))[owner]
        _check_standing(found, "create")
        usage = await store.read_usage(session, owner, except_for=operation_id)
        wanted = with_one_more(usage, ctype=ctype, memory_mb=memory_mb, cpus=cpus, disk_mb=disk_mb)
        for misfit in misfits(found.limits, wanted):
            if misfit.used > (used := usage.of(misfit.limit)):
                raise _limit_reached(found, misfit, used=used)

    async def check_start(self, user: User) -> None:
        """Refuse to start what is to stay down. Raises AccountSuspended."""
        _check_standing(await self.of(user), "start")

    async def check_backup(self, user: User, existing: int) -> None:
        """Refuse one backup too many. Raises BackupBlocked, AccountSuspended, PlanLimitReached."""
        _check_backups(await self.of(user), existing)

    async def check_owner(self, owner: str | None, doing: Doing) -> Entitlement:
        """Refuse what a server's owner may not do now, whoever asks. Raises AccountSuspended and its kin."""
        found = await self.of_owner(owner)
        _check_standing(found, doing)
        return found

    async def check_owner_backup(self, owner: str | None, existing: int) -> None:
        """Do what :meth:`check_backup` does for a server's owner."""
        _check_backups(await self.of_owner(owner), existing)

    async def _read(self, session: AsyncSession, owners: Collection[str]) -> dict[str, Entitlement]:
        return await store.read_entitlements(
            session, owners, billing=self._billing, default_plan=self.default_plan
        )


def _check_standing(found: Entitlement, doing: Doing) -> None:
    if found.allows(doing):
        return
    details = _standing_details(found)
    if found.suspended:
        raise AccountSuspended("This account is suspended; its servers stay stopped.", details=details)
    if doing == "backup":
        raise BackupBlocked("No backups are made until the overdue payment has arrived.", details=details)
    raise PaymentRequired("A payment is overdue; nothing new is created until it arrives.", details=details)


def _check_backups(found: Entitlement, existing: int) -> None:
    _check_standing(found, "backup")
    for misfit in misfits(found.limits, Usage(most_backups=existing + 1)):
        raise _limit_reached(found, misfit, used=existing)


def _standing_details(found: Entitlement) -> dict[str, Any]:
    since = found.since.isoformat() if found.since else None
    return {"billingStatus": found.billing_status, "since": since, "reason": found.reason}


def _limit_reached(found: Entitlement, misfit: Misfit, *, used: int) -> PlanLimitReached:
    message = f"The plan allows {misfit.allowed} {LIMIT_WORDS[misfit.limit]}; {used} are in use."
    details = {"limit": misfit.limit, "allowed": misfit.allowed, "used": used, "plan": found.plan}
    return PlanLimitReached(message, details=details)


PROFILE_WORDS: dict[BillingStatus, str] = {
    "none": "inactive",
    "trialing": "active",
    "active": "active",
    "exempt": "active",
    "past_due": "past_due",
    "overdue_warning": "past_due",
    "suspended": "suspended",
    "retained": "suspended",
    "pending_deletion": "suspended",
    "canceled": "canceled",
}
"""Billing's words in the five that the portal knew."""
LIMIT_WORDS = {
    "gameServers": "game servers",
    "devContainers": "dev containers",
    "memoryMb": "MiB of memory",
    "cpus": "CPUs",
    "diskMb": "MiB of disk",
    "backupsPerServer": "backups of a server",
}
