"""Everything that passes right now, and its end within a second of the right to it ending."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zpack.control.engine.channels import Channel, Channels
from zpack.control.engine.relay_ws import Ending
from zpack.control.ide import store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from zpack.control.accounts.actions import Accounts
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.heartbeat.activity import Activities
    from zpack.control.ide.admission import Visit
    from zpack.control.instances.actions import Instances

PASSAGES, PASSAGES_PER_KEY = 20_000, 1000
"""Of one process; of one account, and of one container."""
LOOK_SECONDS = 15.0
QUIET_BYTES_PER_SECOND = 32
"""VS Code's open page keeps its sockets alive with some 12 bytes a second; one key typed is hundreds."""
PUBLIC_SECONDS = 7 * 86400.0
SOCKET_MARGIN = 600.0
"""A socket ends so long before its cookie: the page opens it again, and is given a new cookie."""
ENDINGS = {
    "token_expired": Ending.of("unauthorized", "token_expired"),
    "access_revoked": Ending.of("forbidden", "access_revoked"),
    "account_suspended": Ending.of("forbidden", "account_suspended"),
    "server_deleted": Ending.of("not_found", "server_deleted"),
    "server_stopping": Ending(1012, "server_stopping"),
}


class Passage(Channel):
    """One request or socket. ``on_end`` is called when it has to end; nobody waits for it meanwhile."""

    kind = "ide"

    def __init__(self, visit: Visit, *, margin: float = 0.0) -> None:
        place, session = visit.place, visit.session
        who = f"user {session.user.id}" if session else f"port {place.vmid}:{place.port}"
        seconds = session.seconds_left() if session else PUBLIC_SECONDS
        super().__init__(keys=(who, f"server {place.vmid}"), seconds=max(0.0, seconds - margin))
        self.visit = visit
        self.on_end: Callable[[], None] | None = None
        self.taken: Callable[[], int] | None = None
        """How many bytes a socket has brought from the browser."""
        self.seen = (time.monotonic(), 0)

    def is_used(self, now: float) -> bool:
        """Say whether the browser sent more, since the last look some time ago, than an open page does."""
        began, before = self.seen
        if self.taken is None or now - began < LOOK_SECONDS:
            return False
        taken = self.taken()
        self.seen = now, taken
        return taken - before > QUIET_BYTES_PER_SECOND * (now - began)

    def end(self, reason: str) -> None:
        """End it."""
        first = self.ended is None
        super().end(reason)
        if first and self.on_end is not None:
            self.on_end()

    def ending(self) -> Ending:
        """Return what its end is told as."""
        return ENDINGS[self.ended or "server_stopping"]


class Passages(Channels[Passage]):
    """Every passage of this process."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        entitlements: Entitlements,
        instances: Instances,
        activities: Activities,
    ) -> None:
        super().__init__(lost=self._without_right, most=PASSAGES, per_key=PASSAGES_PER_KEY)
        self._database = database
        self._accounts = accounts
        self._entitlements = entitlements
        self._instances = instances
        self._activities = activities

    async def _without_right(self, passages: Collection[Passage]) -> dict[Passage, str]:
        """Return the passages whose account, login, container or openness is gone, and why; or suspended."""
        if not passages:
            return {}
        now = time.monotonic()
        for vmid in {passage.visit.place.vmid for passage in passages if passage.is_used(now)}:
            await self._activities.note(vmid, "ide.traffic")
        revoked = await self._accounts.lost_rights({p.visit.session for p in passages if p.visit.session})
        owners = await self._instances.owners({p.visit.place.vmid for p in passages})
        standings = await self._entitlements.of_owners({owner for owner in owners.values() if owner})
        barred = {owner for owner, found in standings.items() if not found.allows("ide")}
        ports = {(p.visit.place.vmid, p.visit.place.port or 0) for p in passages if not p.visit.session}
        open_ports: set[tuple[int, int]] = set()
        if ports:
            async with self._database.reading() as rows:
                open_ports = await store.list_public(rows, ports)
        lost: dict[Passage, str] = {}
        for passage in passages:
            place, session = passage.visit.place, passage.visit.session
            if place.vmid not in owners:
                lost[passage] = "server_deleted"
            elif owners[place.vmid] in barred:
                lost[passage] = "account_suspended"
            elif session is None:
                if (place.vmid, place.port or 0) not in open_ports:
                    lost[passage] = "access_revoked"
            elif session in revoked or not (session.user.is_admin or owners[place.vmid] == session.user.id):
                lost[passage] = "access_revoked"
        return lost
