"""An administrator suspends an account, and lifts that again; the reconciler does what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store as accounts
from zpack.control.accounts.actions import UserMissing
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.entitlements import store

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.entitlements.models import Standing


class AdministratorExempt(Refusal):
    """Administrators are not suspended (row S89)."""

    kind = "conflict"
    code = "administrator_exempt"


class Suspension:
    """Suspensions by hand: independent of billing, and lifted by no payment."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def suspend(self, admin: User, user_id: str, reason: str) -> dict[str, Any]:
        """Suspend an account; one that is suspended by hand stays so, with its first reason.

        Raises UserMissing, AdministratorExempt.
        """
        async with self._database.transaction() as session:
            await _check(session, user_id)
            change = await store.hold(session, user_id, reason)
            if change.changed:
                record(session, "user.suspend", actor=admin.id, user=user_id, reason=reason)
        return _view(change.after)

    async def unsuspend(self, admin: User, user_id: str) -> dict[str, Any]:
        """Lift a suspension by hand; billing's stays. Raises UserMissing, AdministratorExempt."""
        async with self._database.transaction() as session:
            await _check(session, user_id)
            change = await store.release(session, user_id)
            if change.changed:
                record(session, "user.unsuspend", actor=admin.id, user=user_id)
        return _view(change.after)


async def _check(session: AsyncSession, user_id: str) -> None:
    row = await accounts.find_by_id(session, user_id)
    if row is None:
        raise UserMissing("There is no such account.")
    if row.role == "admin":
        raise AdministratorExempt("Administrators cannot be suspended.")


def _view(standing: Standing) -> dict[str, Any]:
    return {
        "userId": standing.user_id,
        "suspendedByHand": standing.held_at is not None,
        "reason": standing.held_reason,
        "since": standing.held_at.isoformat() if standing.held_at else None,
        "billingStatus": standing.billing_status,
        "serverBillingState": standing.server_state,
    }
