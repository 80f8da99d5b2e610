"""Backup calls, passed to the agent of a game server the caller owns (contract §9.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.backups.store import Turns
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.instances.models import Reached
    from zpack.control.outside.agent import Agents

PATH = "/game/backups"
LIST_SECONDS = 10.0
CREATE_SECONDS = 20.0
"""More than the agent waits before it answers with an operation."""
DELETE_SECONDS = 30.0


class Backups:
    """The backups of every game server. Every method returns the agent's status and body.

    Raises ServerMissing, WrongType, NoAddress, AgentRefused, ForeignError.
    """

    def __init__(
        self,
        *,
        database: Database,
        entitlements: Entitlements,
        instances: Instances,
        agents: Agents,
        turns: Turns,
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._turns = turns
        self._instances = instances
        self._agents = agents

    async def list(self, user: User, server_id: str) -> tuple[int, Any]:
        """Return all backups of a server."""
        at = await self._instances.reach(user, server_id, ctype="game")
        return await self._ask(at, "GET", fallback="Failed to list backups")

    async def get(self, user: User, server_id: str, backup_id: str) -> tuple[int, Any]:
        """Return one."""
        at = await self._instances.reach(user, server_id, ctype="game")
        return await self._ask(at, "GET", f"/{backup_id}", fallback="Failed to read backup")

    async def create(self, user: User, server_id: str, label: str | None) -> tuple[int, Any]:
        """Begin a backup: 201 when it was done soon, else 202.

        Raises BackupBlocked, AccountSuspended, PlanLimitReached, BackupUnderWay too.
        """
        at = await self._instances.reach(user, server_id, ctype="game")
        found = await self._entitlements.check_owner(at.owner, "backup")
        if found.limits.of_name("backupsPerServer") is None:
            return await self._create(user, at, label)
        async with self._turns.taken(at.vmid):
            await self._entitlements.check_owner_backup(at.owner, await self._count(at))
            return await self._create(user, at, label)

    async def restore(self, user: User, server_id: str, backup_id: str) -> tuple[int, Any]:
        """Begin a restore; the caller follows it in the server's status (row S61).

        Raises AccountSuspended too.
        """
        facts = {"id": backup_id}
        at = await self._instances.reach(user, server_id, ctype="game")
        await self._entitlements.check_owner(at.owner, "restore")
        await self._record(user, at, "restore", facts)
        return await self._ask(at, "POST", "/restore", fallback="Failed to restore backup", params=facts)

    async def delete(self, user: User, server_id: str, backup_id: str) -> tuple[int, Any]:
        """Delete one."""
        facts = {"id": backup_id}
        at = await self._instances.reach(user, server_id, ctype="game")
        await self._record(user, at, "delete", facts)
        fallback = "Failed to delete backup"
        return await self._ask(at, "DELETE", fallback=fallback, params=facts, seconds=DELETE_SECONDS)

    async def _create(self, user: User, at: Reached, label: str | None) -> tuple[int, Any]:
        facts = {"label": label} if label else {}
        await self._record(user, at, "create", facts)
        fallback = "Failed to create backup"
        return await self._ask(at, "POST", fallback=fallback, json_body=facts, seconds=CREATE_SECONDS)

    async def _count(self, at: Reached) -> int:
        """Return how many backups a server has that somebody asked for; checkpoints of restores are not."""
        _, body = await self._ask(at, "GET", fallback="Failed to list backups", seconds=LIST_SECONDS)
        kept = body.get("backups")
        if not isinstance(kept, list):
            raise ForeignError("the agent lists no backups", transient=False)
        return sum(1 for one in kept if not (isinstance(one, dict) and one.get("type") == "checkpoint"))

    async def _record(self, user: User, at: Reached, verb: str, facts: dict[str, str]) -> None:
        async with self._database.transaction() as session:
            record(session, f"backup.{verb}", actor=user.id, vmid=at.vmid, **facts)

    async def _ask(
        self, at: Reached, method: str, path: str = "", *, fallback: str, **call: Any
    ) -> tuple[int, Any]:
        status, body = await self._agents.exchange(
            method, at.ip, PATH + path, at.token, fallback=fallback, **call
        )
        if not isinstance(body, dict):
            raise ForeignError("the agent answered with no object", transient=False, status=status)
        return status, body
