"""IDE calls, passed to the agent of a dev container the caller owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zpack.control.audit.store import record

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.instances.actions import Instances
    from zpack.control.outside.agent import Agents

CodeServerAction = Literal["start", "stop", "restart"]
SECONDS = 40.0
"""A stop answers when it has stopped, which includes the patience before a kill."""


class Dev:
    """Every dev container."""

    def __init__(
        self, *, database: Database, entitlements: Entitlements, instances: Instances, agents: Agents
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._instances = instances
        self._agents = agents

    async def code_server(self, user: User, server_id: str, action: CodeServerAction) -> Any:
        """Start, stop or restart the IDE and return the agent's answer.

        Raises ServerMissing, WrongType, NoAddress, AccountSuspended, AgentRefused, ForeignError.
        """
        at = await self._instances.reach(user, server_id, ctype="dev")
        if action != "stop":
            await self._entitlements.check_owner(at.owner, "ide")
        async with self._database.transaction() as session:
            record(session, f"codeserver.{action}", actor=user.id, vmid=at.vmid)
        return await self._agents.call(
            *("POST", at.ip, f"/dev/codeserver/{action}", at.token),
            fallback=f"Agent codeserver {action} failed",
            seconds=SECONDS,
        )
