"""Reads the audit; lists accounts and changes their roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store as accounts
from zpack.control.administration import store
from zpack.control.audit import store as audit
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.control.accounts.models import User
    from zpack.control.administration.models import AuditQuery, UserBody, UsersQuery, WholeAuditQuery
    from zpack.control.administration.store import Circumstances
    from zpack.control.db.session import Database
    from zpack.control.db.tables import AuditEntry
    from zpack.control.db.tables import User as UserRow


STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class NoSuchUser(Refusal):
    """There is no account with this id."""

    kind = "not_found"
    code = "user_not_found"


class LastAdmin(Refusal):
    """Somebody has to be administrator."""

    kind = "conflict"
    code = "last_admin"


class Administration:
    """Accounts as administrators see them, and the audit.

    ``plan_of`` names the plan of an account whose standing names this one; ``billing`` says whether plans
    are sold.
    """

    def __init__(self, *, database: Database, plan_of: Callable[[str | None], str], billing: bool) -> None:
        self._database = database
        self._plan_of = plan_of
        self._billing = billing

    async def overview(self) -> dict[str, Any]:
        """Return the platform in numbers; ``operations`` are those under way and of the last 24 hours."""
        async with self._database.reading() as reading:
            totals = await store.read_totals(reading)
            outcomes = await store.read_outcomes(reading)
            monthly, standings = await store.read_revenue(reading) if self._billing else ([], {})
        return {
            **totals,
            "operations": dict.fromkeys(STATUSES, 0) | outcomes,
            "billing": {"monthly": monthly, "standings": standings} if self._billing else None,
        }

    async def audit(self, user: User, query: AuditQuery) -> dict[str, Any]:
        """Return a page of the audit, the newest first: an admin's of everybody, anyone else's of himself."""
        own = None if user.is_admin else user.id
        if own is not None and query.actor not in {None, own}:
            return {"entries": [], "logs": [], "next": None}
        async with self._database.reading() as reading:
            rows = await audit.page(
                reading,
                actor=own or query.actor,
                action=query.action,
                since=query.since,
                before=query.before,
                limit=query.limit,
            )
        more = rows[-1].id if len(rows) == query.limit else None
        found = [_entry(row) for row in rows]
        return {"entries": found, "logs": [_brief(entry) for entry in found], "next": more}

    async def whole_audit(self, query: WholeAuditQuery) -> dict[str, Any]:
        """Return a page of everybody's audit, the newest first, with the actors' names."""
        async with self._database.reading() as reading:
            rows = await audit.page(
                reading,
                actor=query.actor,
                action=query.action,
                since=query.since,
                before=query.before,
                limit=query.limit,
                vmid=query.vmid,
            )
            names = await accounts.names_of(reading, {row.actor for row in rows if row.actor})
        more = rows[-1].id if len(rows) == query.limit else None
        return {"logs": [_log(row, names.get(row.actor or "")) for row in rows], "next": more}

    async def users(self, query: UsersQuery) -> dict[str, Any]:
        """Return a page of the accounts, by id, and how each stands."""
        like = query.q or query.search
        async with self._database.reading() as reading:
            rows = await accounts.page_of_users(reading, like=like, after=query.after, limit=query.limit)
            found = await store.read_circumstances(reading, [row.id for row in rows])
        more = rows[-1].id if len(rows) == query.limit else None
        return {
            "users": [_account(row) | self._standing(found[row.id]) for row in rows if row.id in found],
            "next": more,
        }

    async def user(self, user_id: str) -> dict[str, Any]:
        """Return one account, and since when and why an administrator holds it. Raises NoSuchUser."""
        async with self._database.reading() as reading:
            row = await accounts.find_by_id(reading, user_id)
            found = (await store.read_circumstances(reading, [user_id])).get(user_id)
        if row is None or found is None:
            raise NoSuchUser("There is no such account.")
        held = found.held_at and {"since": found.held_at.isoformat(), "reason": found.held_reason}
        return {"user": _account(row) | self._standing(found) | {"held": held, "exempt": found.exempt}}

    def _standing(self, found: Circumstances) -> dict[str, Any]:
        return {
            "plan": self._plan_of(found.plan),
            "billingStatus": found.billing_status,
            "suspended": found.suspended,
            "servers": found.servers,
        }

    async def change(self, admin: User, user_id: str, body: UserBody) -> dict[str, Any]:
        """Make an account an administrator's, or one no more. Raises NoSuchUser, LastAdmin."""
        async with self._database.transaction() as rows:
            admins = await accounts.lock_admins(rows)
            row = await accounts.find_by_id(rows, user_id)
            if row is None:
                raise NoSuchUser("There is no such account.")
            if admins == {user_id} and body.role != "admin":
                raise LastAdmin("This is the last administrator; make another one first.")
            if row.role != body.role:
                audit.record(rows, "user.role", actor=admin.id, user=user_id, was=row.role, role=body.role)
                row.role = body.role
            return {"ok": True, "user": _account(row)}


def _entry(row: AuditEntry) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.created_at.isoformat(),
        "action": row.action,
        "actor": row.actor,
        "address": row.address,
        "session": row.session_id,
        "apiKey": row.api_key,
        "details": row.payload,
    }


def _brief(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry in the words of the contract's older question (§2.13)."""
    return {
        "id": entry["id"],
        "action": entry["action"],
        "timestamp": entry["at"],
        "created_at": entry["at"],
    }


def _log(row: AuditEntry, name: str | None) -> dict[str, Any]:
    at = row.created_at.isoformat()
    entry = {**_entry(row), "actorName": name, "timestamp": at, "created_at": at}
    return entry | {"detail": entry.pop("details")}


def _account(row: UserRow) -> dict[str, Any]:
    return {
        **accounts.seen(row).wire(),
        "secondFactor": row.second_factor,
        "createdAt": row.created_at.isoformat(),
    }
