"""Who may pass into a place: by IDE token for some minutes, then by a cookie that is looked up every time.

The token of 300 s travels in addresses; the cookie does not, so it may last a working day, and is renewed
while it is used. It names the login session, and ends with it, with the account, and with the ownership,
whatever its own life.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zpack.control.accounts.auth import ide_claims
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.ide import store
from zpack.control.ide.cookies import ours_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.auth import TokenKinds
    from zpack.control.accounts.models import Session
    from zpack.control.db.session import Database
    from zpack.control.entitlements.actions import Entitlements
    from zpack.control.ide.places import Place
    from zpack.control.instances.actions import Instances
    from zpack.control.instances.models import Reached

RENEWED_SECONDS = 3600.0
"""A cookie that has lost so much of its life is renewed with the next answer."""
KNOWN_SECONDS, KNOWN_MOST = 0.4, 4096
"""A page of an IDE is hundreds of requests: who just passed passes. Rights end within 1 s."""


class NotAdmitted(Refusal):
    """Neither a token nor a cookie for this place."""

    kind = "unauthorized"
    code = "ide_login_required"


class OwnersOnly(Refusal):
    """An administrator would run a customer's pages on the API's own host."""

    kind = "forbidden"
    code = "hosted_form_needed"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who may pass, and where to. ``session`` is None for a port that is for everybody."""

    place: Place
    ip: str
    session: Session | None


class Admission:
    """Lets in."""

    def __init__(
        self,
        *,
        database: Database,
        accounts: Accounts,
        entitlements: Entitlements,
        instances: Instances,
        tokens: TokenKinds,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._entitlements = entitlements
        self._instances = instances
        self._tokens = tokens
        self._known: OrderedDict[tuple[Place, tuple[str, ...]], tuple[float, Visit]] = OrderedDict()
        self.cookie_seconds = tokens.ide_cookie.seconds

    async def token(self, session: Session, server_id: str) -> tuple[Reached, str]:
        """Return an IDE token for a container of the caller.

        Raises ServerMissing, WrongType, NoAddress, AccountSuspended.
        """
        at = await self._instances.reach(session.user, server_id, ctype="dev")
        await self._entitlements.check_owner(at.owner, "ide")
        async with self._database.transaction() as rows:
            record(rows, "ide.token", actor=session.user.id, vmid=at.vmid)
        return at, self._tokens.ide.issue(session.user.id, **ide_claims(session.sid, at.vmid))

    async def by_token(self, token: str, place: Place) -> str:
        """Return the cookie for whoever shows this token. Raises BadToken and what ``enter`` raises."""
        session = await self._accounts.ide_session(token, place.vmid)
        return await self.enter(session, place)

    async def enter(self, session: Session, place: Place) -> str:
        """Return the cookie for a session.

        Raises ServerMissing, WrongType, NoAddress, OwnersOnly, AccountSuspended.
        """
        await self._reached(session, place)
        async with self._database.transaction() as rows:
            record(rows, "ide.open", actor=session.user.id, vmid=place.vmid, port=place.port)
        return self._cookie(session, place)

    async def visit(self, place: Place, cookies: Iterable[str]) -> Visit:
        """Return whoever comes with these Cookie headers.

        Raises NotAdmitted, ServerMissing, WrongType, NoAddress, OwnersOnly, AccountSuspended.
        """
        shown = ours_of(cookies)
        known, now = self._known.get((place, shown)), time.monotonic()
        if known is not None and now - known[0] < KNOWN_SECONDS:
            return known[1]
        visit = await self._public(place) or await self._private(place, shown)
        self._known[place, shown] = now, visit
        self._known.move_to_end((place, shown))
        if len(self._known) > KNOWN_MOST:
            self._known.popitem(last=False)
        return visit

    def renewed(self, visit: Visit) -> tuple[Visit, str | None]:
        """Return a visit that lasts a whole cookie's life again, and that cookie, when it is time for one."""
        session, place = visit.session, visit.place
        if session is None or session.seconds_left() > self.cookie_seconds - RENEWED_SECONDS:
            return visit, None
        cookie = self._cookie(session, place)
        longer = replace(session, expires=time.time() + self.cookie_seconds)
        return replace(visit, session=longer), cookie

    def _cookie(self, session: Session, place: Place) -> str:
        return self._tokens.ide_cookie.issue(
            session.user.id, sid=session.sid, vmid=place.vmid, at=place.scope
        )

    async def _public(self, place: Place) -> Visit | None:
        if place.port is None:
            return None
        async with self._database.reading() as rows:
            ip = await store.public_address(rows, place.vmid, place.port)
        if ip is None:
            return None
        owners = await self._instances.owners({place.vmid})
        await self._entitlements.check_owner(owners.get(place.vmid), "ide")
        return Visit(place, ip, None)

    async def _private(self, place: Place, shown: tuple[str, ...]) -> Visit:
        for cookie in shown:
            try:
                session = await self._accounts.session_of(
                    self._tokens.ide_cookie, cookie, vmid=place.vmid, at=place.scope
                )
            except Refusal:  # a sibling host can set cookies of our name; the right one may come next
                continue
            return Visit(place, (await self._reached(session, place)).ip, session)
        raise NotAdmitted("Open the IDE from the portal: this needs a token or its cookie.")

    async def _reached(self, session: Session, place: Place) -> Reached:
        at = await self._instances.reach(session.user, place.vmid, ctype="dev")
        if place.prefix and at.owner != session.user.id:
            raise OwnersOnly("Another's container opens only under its own host name.")
        await self._entitlements.check_owner(at.owner, "ide")
        return at
