"""Tokens that only the reader of a mailbox can know: made, mailed, and later taken as proof.

Only the hash is kept. A token proves something of the address it was sent to, and nothing once the account
has another one.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.accounts import store as accounts
from zpack.control.engine.errors import Refusal
from zpack.control.mail.store import queue
from zpack.control.recovery import store
from zpack.control.recovery.models import ENOUGH, LIFE, YOUNG, Purpose

if TYPE_CHECKING:
    from zpack.control.db.session import AsyncSession
    from zpack.control.db.tables import User

NOT_VALID = "The link is not valid, was used, or is too old; ask for another one."


class BadToken(Refusal):
    """The token is not one of ours, was used, or is too old: not said which."""

    code = "invalid_token"


@dataclass(frozen=True)
class Links:
    """Where the portal's pages are. Nothing that a request says has a part in it."""

    reset_base: str
    portal: str

    def reset(self, token: str) -> str:
        """Return the page that chooses a new password (row S82)."""
        return f"{self.reset_base}/reset-password?token={token}"

    def verify(self, token: str) -> str:
        """Return the page that confirms an address."""
        return f"{self.portal}/verify-email?token={token}"

    def change_email(self, token: str) -> str:
        """Return the page that confirms another address."""
        return f"{self.portal}/change-email?token={token}"


class Proofs:
    """Sends tokens and takes them back, inside its callers' transactions."""

    def __init__(self, *, links: Links) -> None:
        self._links = links
        self.portal = links.portal

    async def send_reset(self, session: AsyncSession, user_id: str, email: str) -> bool:
        """Mail a way to a new password; return False when enough of them lie in the mailbox."""
        token, token_id = await self._made(session, user_id, email, Purpose.RESET)
        if token_id is None:
            return False
        minutes = int(LIFE[Purpose.RESET].total_seconds() // 60)
        facts = {"link": self._links.reset(token), "minutes": minutes}
        await queue(session, "password_reset", to=email, user_id=user_id, key=f"reset:{token_id}", **facts)
        return True

    async def send_verification(self, session: AsyncSession, user_id: str, email: str) -> None:
        """Mail a way to confirm the address, unless enough of them lie in the mailbox."""
        token, token_id = await self._made(session, user_id, email, Purpose.VERIFY)
        if token_id is None:
            return
        hours = int(LIFE[Purpose.VERIFY].total_seconds() // 3600)
        facts = {"link": self._links.verify(token), "hours": hours}
        await queue(session, "verify_email", to=email, user_id=user_id, key=f"verify:{token_id}", **facts)

    async def send_change(self, session: AsyncSession, user_id: str, email: str) -> None:
        """Mail a way to make this the account's address, unless enough of them lie in the mailbox."""
        token, token_id = await self._made(session, user_id, email, Purpose.ADDRESS)
        if token_id is None:
            return
        minutes = int(LIFE[Purpose.ADDRESS].total_seconds() // 60)
        facts = {"link": self._links.change_email(token), "minutes": minutes}
        await queue(session, "new_email", to=email, user_id=user_id, key=f"new_email:{token_id}", **facts)

    async def redeem(self, session: AsyncSession, token: str, purpose: Purpose) -> User:
        """Use up a token and all others like it of its owner; return the owner, locked. Raises BadToken."""
        user, email = await self._taken(session, token, purpose)
        if user.email != email:
            raise BadToken(NOT_VALID)
        return user

    async def redeem_change(self, session: AsyncSession, token: str) -> tuple[User, str]:
        """Do the same with a token for another address; return that too. Raises BadToken."""
        return await self._taken(session, token, Purpose.ADDRESS)

    async def _taken(self, session: AsyncSession, token: str, purpose: Purpose) -> tuple[User, str]:
        """Owners are locked before tokens, always: two tokens of one owner do not wait for each other."""
        digest = digest_of(token)
        found = await store.find_live(session, digest, purpose)
        user = await accounts.lock_user(session, found.user_id) if found else None
        if found is None or user is None or digest not in await store.burn(session, user.id, purpose):
            raise BadToken(NOT_VALID)
        return user, found.email

    async def _made(
        self, session: AsyncSession, user_id: str, email: str, purpose: Purpose
    ) -> tuple[str, str | None]:
        token = secrets.token_urlsafe(32)
        await accounts.lock_user(session, user_id)  # two who count at once would both find room
        if await store.count_young(session, user_id, email, purpose, YOUNG) >= ENOUGH:
            return token, None
        token_id = await store.insert_token(
            session,
            user_id=user_id,
            email=email,
            purpose=purpose,
            digest=digest_of(token),
            life=LIFE[purpose],
        )
        return token, token_id


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
