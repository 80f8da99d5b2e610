"""Console calls, passed to the agent of a server the caller owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.accounts.tickets import console_door
from zpack.control.audit.store import record

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import Session, User
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.outside.agent import Agents


class Console:
    """The console of every server."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        entitlements: Entitlements,
        instances: Instances,
        agents: Agents,
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._accounts = accounts
        self._instances = instances
        self._agents = agents

    async def command(self, user: User, server_id: str, command: str) -> Any:
        """Type one line. Raises ServerMissing, NoAddress, AccountSuspended, AgentRefused, ForeignError."""
        at = await self._instances.reach(user, server_id)
        await self._entitlements.check_owner(at.owner, "console")
        async with self._database.transaction() as session:
            record(session, "console.command", actor=user.id, vmid=at.vmid, length=len(command))
        return await self._agents.command(at.ip, at.token, command)

    async def log(self, user: User, server_id: str, *, after: int, wait: float) -> Any:
        """Return lines newer than ``after``, waiting up to ``wait`` seconds for some."""
        at = await self._instances.reach(user, server_id)
        return await self._agents.console(at.ip, at.token, after=after, wait=wait)

    async def ticket(self, session: Session, server_id: str) -> dict[str, Any]:
        """Return ``{ticket, expiresIn}``. Raises ServerMissing, NoAddress, AccountSuspended, TooManyTries."""
        at = await self._instances.reach(session.user, server_id)
        await self._entitlements.check_owner(at.owner, "console")
        return await self._accounts.issue_ticket(session, console_door(server_id))
