"""Console sockets: who may look and type, how fast, for how long, and the record of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.audit.store import record
from zpack.control.console.models import commands_in
from zpack.control.engine.channels import Channel, Channels
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.relay_ws import Ending, Patience, SideEnded, relay
from zpack.wire.pace import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import Session, User
    from zpack.control.db.session import Database
    from zpack.control.engine.relay_ws import ClientSide
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.heartbeat.activity import Activities
    from zpack.control.instances.actions import Instances
    from zpack.control.instances.models import Reached
    from zpack.control.outside.agent_console import AgentConsoles

STREAMS, STREAMS_PER_KEY = 5000, 20
"""Of one process; of one account, and of one server."""
COMMAND_BURST, COMMANDS_PER_SECOND = 20, 5
KEY_BURST, KEYS_PER_SECOND = 128 * 1024, 32 * 1024
PATIENCE = Patience(silent_seconds=30.0, stuck_seconds=60.0)
"""An agent says something every 5 s (contract §4.4)."""
ENDINGS = {
    "token_expired": Ending.of("unauthorized", "token_expired"),
    "access_revoked": Ending.of("forbidden", "access_revoked"),
    "account_suspended": Ending.of("forbidden", "account_suspended"),
    "server_deleted": Ending.of("not_found", "server_deleted"),
    "server_stopping": Ending(1012, "server_stopping"),
}
"""What is told to a viewer whose right, or whose server, is gone."""


class ConsoleChannel(Channel):
    """One viewer's channel."""

    kind = "console"

    def __init__(self, *, session: Session, at: Reached) -> None:
        keys = (f"user {session.user.id}", f"server {at.vmid}")
        super().__init__(keys=keys, seconds=session.seconds_left())
        self.session = session
        self.user = session.user
        self.at = at

    def ending(self) -> Ending:
        """Return what its end is told as."""
        return ENDINGS[self.ended or "server_stopping"]


@dataclass(frozen=True)
class Wanted:
    """How a viewer wants to be spoken to, and after which line."""

    protocol: str | None
    after: int


class ConsoleStreams:
    """Every console socket of this process."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        entitlements: Entitlements,
        instances: Instances,
        consoles: AgentConsoles,
        activities: Activities,
    ) -> None:
        self._database = database
        self._entitlements = entitlements
        self._accounts = accounts
        self._instances = instances
        self._consoles = consoles
        self._activities = activities
        self._channels: Channels[ConsoleChannel] = Channels(
            lost=self._lost, most=STREAMS, per_key=STREAMS_PER_KEY
        )

    @contextlib.asynccontextmanager
    async def opened(self, session: Session, server_id: str) -> AsyncGenerator[ConsoleChannel]:
        """Hold a place for a viewer. Raises ServerMissing, NoAddress, AccountSuspended, TooManyStreams."""
        at = await self._instances.reach(session.user, server_id)
        await self._entitlements.check_owner(at.owner, "console")
        channel = ConsoleChannel(session=session, at=at)
        self._channels.open(channel)
        try:
            async with self._database.transaction() as rows:
                record(rows, "console.open", actor=session.user.id, vmid=at.vmid)
            yield channel
        finally:
            self._channels.close(channel)

    async def serve(self, channel: ConsoleChannel, viewer: ClientSide, wanted: Wanted) -> None:
        """Carry between viewer and agent until either leaves or the right ends; then close both."""
        at, agent = channel.at, None
        try:
            agent = await self._consoles.open(
                at.ip, at.token, at.vmid, protocol=wanted.protocol, after=wanted.after
            )
            typist = Typist(
                database=self._database,
                activities=self._activities,
                user=channel.user,
                at=at,
                protocol=wanted.protocol,
            )
            ending = await relay(
                viewer, agent, patience=PATIENCE, over=channel.over, why=channel.ending, check=typist.check
            )
        except SideEnded as ended:
            ending = ended.ending
        except ForeignError as failure:
            ending = Ending.after(failure)
        await viewer.close(ending)
        if agent is not None:
            await agent.close(ending)

    def shut(self) -> None:
        """End every stream: the process stops."""
        self._channels.shut()

    async def _lost(self, channels: Collection[ConsoleChannel]) -> dict[ConsoleChannel, str]:
        """Return the channels whose account, session or server is gone, another's or suspended, and why."""
        if not channels:
            return {}
        revoked = await self._accounts.lost_rights({channel.session for channel in channels})
        owners = await self._instances.owners({channel.at.vmid for channel in channels})
        standings = await self._entitlements.of_owners({owner for owner in owners.values() if owner})
        barred = {owner for owner, found in standings.items() if not found.allows("console")}
        lost: dict[ConsoleChannel, str] = {}
        for channel in channels:
            user, vmid = channel.user, channel.at.vmid
            if vmid not in owners:
                lost[channel] = "server_deleted"
            elif channel.session in revoked or not (user.is_admin or owners[vmid] == user.id):
                lost[channel] = "access_revoked"
            elif owners[vmid] in barred:
                lost[channel] = "account_suspended"
        return lost


class Typist:
    """Paces what one viewer types, and records the commands among it; the agent judges them."""

    def __init__(
        self,
        *,
        database: Database,
        activities: Activities,
        user: User,
        at: Reached,
        protocol: str | None,
    ) -> None:
        now = time.monotonic()
        self._database = database
        self._activities = activities
        self._user = user
        self._at = at
        self._protocol = protocol
        self._is_shell = at.ctype == "dev"
        self._commands = Pace(burst=COMMAND_BURST, rate=COMMANDS_PER_SECOND, now=now)
        self._bytes = Pace(burst=KEY_BURST, rate=KEYS_PER_SECOND, now=now)

    async def check(self, message: str | bytes) -> None:
        """Wait until a message may pass, and record what it types. Raises SideEnded when it is no text."""
        if not isinstance(message, str):
            raise SideEnded(Ending(1003, "text_only"))
        await asyncio.sleep(self._bytes.spend(len(message) + 64, now=time.monotonic()))
        if self._is_shell:
            await self._activities.note(self._at.vmid, "console.shell")
        lengths = [] if self._is_shell else commands_in(self._protocol, message)
        if not lengths:
            return
        await asyncio.sleep(self._commands.spend(len(lengths), now=time.monotonic()))
        async with self._database.transaction() as rows:
            for length in lengths:
                record(rows, "console.command", actor=self._user.id, vmid=self._at.vmid, length=length)
