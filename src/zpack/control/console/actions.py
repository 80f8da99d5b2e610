"""Console calls, passed to the agent of a server the caller owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.db.tables import ContainerInstance
    from zpack.control.instances.actions import Instances
    from zpack.control.outside.agent import Agents


class NoAddress(Refusal):
    """The server has no address yet (contract §2.4)."""

    code = "Server does not have an IP address yet"


class Console:
    """The console of every server."""

    def __init__(self, *, database: Database, instances: Instances, agents: Agents) -> None:
        self._database = database
        self._instances = instances
        self._agents = agents

    async def command(self, user: User, server_id: str, command: str) -> Any:
        """Type one line. Raises ServerMissing, NoAddress, AgentRefused, ForeignError."""
        row, ip, token = await self._reach(user, server_id)
        async with self._database.transaction() as session:
            record(session, "console.command", actor=user.id, vmid=row.vmid, length=len(command))
        return await self._agents.command(ip, token, command)

    async def log(self, user: User, server_id: str, *, after: int, wait: float) -> Any:
        """Return lines newer than ``after``, waiting up to ``wait`` seconds for some."""
        _, ip, token = await self._reach(user, server_id)
        return await self._agents.console(ip, token, after=after, wait=wait)

    async def _reach(self, user: User, server_id: str) -> tuple[ContainerInstance, str, str]:
        row = await self._instances.owned(user, server_id)
        if not row.ip:
            raise NoAddress("The server does not have an address yet.")
        return row, row.ip, self._agents.token_for(row.vmid, str(row.payload.get("agent_seed", "")))
