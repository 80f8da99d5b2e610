"""Reset, change, confirm. What is asked of an account answers the same whether or not there is one."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zpack.control.accounts import store as accounts_store
from zpack.control.accounts.actions import MissingFields, UserMissing
from zpack.control.accounts.fields import InvalidField, check_password, checked_email
from zpack.control.accounts.sessions import end_all
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.engine.limits import network_of
from zpack.control.mail.store import queue
from zpack.control.recovery import store
from zpack.control.recovery.models import Purpose
from zpack.control.recovery.proofs import NOT_VALID, BadToken, digest_of

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import Session, User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import User as UserRow
    from zpack.control.engine.limits import RateLimit
    from zpack.control.recovery.models import AddressBody, ChangeBody, ForgottenBody, ResetBody, TokenBody
    from zpack.control.recovery.proofs import Proofs


class WrongPassword(Refusal):
    """The current password is another one; no 401, which would log the portal out."""

    code = "invalid_current_password"


class EmailTaken(Refusal):
    """Another account got the address first; only who reads its mailbox is told."""

    kind = "conflict"
    code = "email_taken"


class Recovery:
    """Passwords that were forgotten or are changed, and addresses that are confirmed."""

    def __init__(self, *, database: Database, accounts: Accounts, proofs: Proofs, limit: RateLimit) -> None:
        self._database = database
        self._accounts = accounts
        self._proofs = proofs
        self._limit = limit

    async def request_reset(self, body: ForgottenBody, *, address: str) -> None:
        """Note the request; a worker finds out whether there is such an account.

        Raises MissingFields, TooManyTries.
        """
        if not body.email:
            raise MissingFields("Send the e-mail address.")
        email = _usual_form(body.email)
        # Nobody else's tries count here. A flooded mailbox is the worker's concern: see proofs.ENOUGH.
        await self._limit.hit("reset", f"{network_of(address)} {email.lower()}")
        await self._limit.hit("reset-address", network_of(address))
        async with self._database.transaction() as session:
            store.ask(session, email)

    async def reset(self, body: ResetBody, *, address: str) -> None:
        """Set the password of whoever reads the mailbox, and end every login.

        Raises MissingFields, InvalidField, BadToken, TooManyTries.
        """
        password = body.password or body.newPassword
        if not (body.token and password):
            raise MissingFields("Send token and password.")
        check_password(password)
        await self._limit.hit("token", network_of(address))
        async with self._database.reading() as session:
            if await store.find_live(session, digest_of(body.token), Purpose.RESET) is None:
                raise BadToken(NOT_VALID)
        hashed = await self._accounts.hashed(password)
        async with self._database.transaction() as session:
            user = await self._proofs.redeem(session, body.token, Purpose.RESET)
            values = {"password_hash": hashed, "email_verified": True}  # the mailbox is proven as well
            await accounts_store.update_user(session, user.id, **values)
            await store.burn(session, user.id, Purpose.ADDRESS)
            await end_all(session, user.id, keep=None)
            await self._tell(session, "password_changed", user.id, user.email)
            record(session, "user.password_reset", actor=user.id)

    async def change_password(self, caller: Session, body: ChangeBody, *, address: str) -> None:
        """Set another password, and end every other login.

        Raises MissingFields, InvalidField, WrongPassword, TooManyTries, UserMissing.
        """
        if not (body.currentPassword and body.newPassword):
            raise MissingFields("Send currentPassword and newPassword.")
        check_password(body.newPassword, field="newPassword")
        row = await self._shown(caller.user, body.currentPassword, address)
        hashed = await self._accounts.hashed(body.newPassword)
        async with self._database.transaction() as session:
            user = await accounts_store.lock_user(session, row.id)
            if user is None or user.password_hash != row.password_hash:  # changed meanwhile
                raise WrongPassword("The current password is wrong.")
            await accounts_store.update_user(session, user.id, password_hash=hashed)
            await store.burn(session, user.id, Purpose.RESET, Purpose.ADDRESS)
            await end_all(session, user.id, keep=caller.sid)
            await self._tell(session, "password_changed", user.id, user.email)
            record(session, "user.password_change", actor=user.id)

    async def verify_email(self, body: TokenBody, *, address: str) -> None:
        """Note that the account's address is its owner's. Raises MissingFields, BadToken, TooManyTries."""
        if not body.token:
            raise MissingFields("Send the token.")
        await self._limit.hit("token", network_of(address))
        async with self._database.transaction() as session:
            user = await self._proofs.redeem(session, body.token, Purpose.VERIFY)
            await accounts_store.update_user(session, user.id, email_verified=True)
            record(session, "user.email_verified", actor=user.id)

    async def send_verification(self, user: User) -> None:
        """Mail another link to an address that is not confirmed yet. Raises TooManyTries."""
        await self._limit.hit("verification", user.id)
        if user.email_verified:
            return
        async with self._database.transaction() as session:
            await self._proofs.send_verification(session, user.id, user.email)
            record(session, "user.verification_request", actor=user.id)

    async def change_email(self, user: User, body: AddressBody, *, address: str) -> None:
        """Mail a link to another address, which becomes the account's when it is followed.

        Raises MissingFields, InvalidField, WrongPassword, TooManyTries, UserMissing.
        """
        if not (body.email and body.currentPassword):
            raise MissingFields("Send email and currentPassword.")
        email = checked_email(body.email)
        await self._limit.hit("change-email", user.id)
        await self._shown(user, body.currentPassword, address)
        async with self._database.transaction() as session:
            await self._proofs.send_change(session, user.id, email)
            record(session, "user.email_change_request", actor=user.id)

    async def confirm_email(self, body: TokenBody, *, address: str) -> None:
        """Make the address that the token was sent to the account's, and tell the one before.

        Raises MissingFields, BadToken, EmailTaken, TooManyTries.
        """
        if not body.token:
            raise MissingFields("Send the token.")
        await self._limit.hit("token", network_of(address))
        async with self._database.transaction() as session:
            user, email = await self._proofs.redeem_change(session, body.token)
            before = user.email
            if not await accounts_store.change_email(session, user.id, email):
                raise EmailTaken("Another account has this e-mail address by now.")
            await self._tell(session, "email_changed", user.id, before)
            record(session, "user.email_change", actor=user.id)

    async def _shown(self, user: User, password: str, address: str) -> UserRow:
        """Return the caller's row, once the current password was shown.

        Raises WrongPassword, TooManyTries, UserMissing.
        """
        await self._limit.hit("change-password", f"{network_of(address)} {user.id}")
        await self._limit.hit("change-password-account", user.id)
        async with self._database.reading() as session:
            row = await accounts_store.find_by_id(session, user.id)
        if row is None:
            raise UserMissing("This account no longer exists.")
        good, _ = await self._accounts.verified(password, row.password_hash)
        if not good:
            raise WrongPassword("The current password is wrong.")
        return row

    async def _tell(self, session: AsyncSession, template: str, user_id: str, email: str) -> None:
        """Tell the owner of something that only the owner should have done."""
        when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        key = f"{template}:{secrets.token_hex(12)}"
        facts = {"when": when, "portal": self._proofs.portal}
        await queue(session, template, to=email, user_id=user_id, key=key, **facts)


def _usual_form(text: str) -> str:
    """Return an address as accounts keep it; one that is none is nobody's, or the first administrator's."""
    try:
        return checked_email(text)
    except InvalidField:
        return text
