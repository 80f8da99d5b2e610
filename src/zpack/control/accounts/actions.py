"""Register, log in, change a profile. Every answer takes the same time whether or not an account exists."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from typing import TYPE_CHECKING, Any

from email_validator import EmailNotValidError, validate_email
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from zpack.control.accounts import store
from zpack.control.accounts.models import Session, User
from zpack.control.accounts.tickets import LIFE_SECONDS, BadTicket
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from zpack.control.accounts.auth import AccessTokens
    from zpack.control.accounts.models import LoginBody, ProfileBody, RegisterBody
    from zpack.control.accounts.tickets import Tickets
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import User as UserRow
    from zpack.control.engine.limits import RateLimit

    Welcome = Callable[[AsyncSession, str, str], Awaitable[None]]
    """What else happens when someone joins, in the same transaction; given id and e-mail address."""

log = logging.getLogger("zpack.accounts")
PASSWORD_MIN = 8
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,38}")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
HASHING_AT_ONCE = 2
"""Argon2 takes 64 MiB and a core for some 50 ms: a flood of logins must not take them all."""


class MissingFields(Refusal):
    """A required field is absent."""

    code = "Missing required fields"


class MissingCredentials(Refusal):
    """A login without name or password."""

    code = "Missing credentials"


class InvalidField(Refusal):
    """A field is present and wrong; ``details.field`` names it."""

    code = "invalid_field"


class UserExists(Refusal):
    """The e-mail address or the user name is taken."""

    kind = "conflict"
    code = "User already exists"


class BadCredentials(Refusal):
    """Wrong name or wrong password: not said which."""

    kind = "unauthorized"
    code = "Invalid credentials"


class UserMissing(Refusal):
    """The token's user is gone."""

    kind = "not_found"
    code = "user_not_found"
    envelope = {"ok": False}  # noqa: RUF012 - read only


class Accounts:
    """Accounts and their passwords."""

    def __init__(
        self,
        *,
        database: Database,
        tokens: AccessTokens,
        tickets: Tickets,
        limit: RateLimit,
        welcome: Welcome,
    ) -> None:
        self._database = database
        self._welcome = welcome
        self._tickets = tickets
        self._tokens = tokens
        self._limit = limit
        self._hash = PasswordHash((Argon2Hasher(), BcryptHasher()))
        self._decoy = self._hash.hash(secrets.token_hex(16))
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)

    async def register(self, body: RegisterBody, *, address: str) -> str:
        """Create an account and return its access token.

        Raises MissingFields, InvalidField, UserExists, TooManyTries.
        """
        if not (body.email and body.username and body.password):
            raise MissingFields("E-mail address, user name and password are required.")
        await self._limit.hit("register", address)
        _check_password(body.password)
        values = {
            "id": f"usr_{secrets.token_hex(12)}",
            "email": checked_email(body.email),
            "username": _checked_username(body.username),
            "first_name": _clean(body.firstName, "firstName"),
            "last_name": _clean(body.lastName, "lastName"),
            "display_name": _clean(body.displayName, "displayName") or body.username,
            "role": "user",
        }
        values["password_hash"] = await self.hashed(body.password)
        async with self._database.transaction() as session:
            if not await store.insert_user(session, **values):
                raise UserExists("An account with this e-mail address or user name exists already.")
            await self._welcome(session, str(values["id"]), str(values["email"]))
            record(session, "user.register", actor=str(values["id"]))
        user = {k: v for k, v in values.items() if k != "password_hash"}
        return self._tokens.issue(User(**user))  # pyright: ignore[reportArgumentType] - same keys

    async def log_in(self, body: LoginBody, *, address: str) -> dict[str, Any]:
        """Return ``{token, expiresIn}``. Raises MissingCredentials, BadCredentials, TooManyTries."""
        if not (body.identifier and body.password):
            raise MissingCredentials("Send identifier and password.")
        # Two counters: an attacker cannot lock a victim out, nor guess one account from many addresses.
        await self._limit.hit("login", f"{address} {body.identifier.lower()[:254]}")
        await self._limit.hit("login-address", address)
        await self._limit.hit("login-account", body.identifier.lower()[:254])
        async with self._database.transaction() as session:
            row = await store.find_by_identifier(session, body.identifier)
        good, better = await self.verified(body.password, row.password_hash if row else None)
        if row is None or not good:
            raise BadCredentials("The name or the password is wrong.")
        async with self._database.transaction() as session:
            if better is not None:
                await store.update_user(session, row.id, password_hash=better)
            record(session, "user.login", actor=row.id)
        token = self._tokens.issue(seen(row))
        return {"token": token, "expiresIn": int(self._tokens.life.total_seconds())}

    async def session(self, authorization: str | None) -> Session:
        """Return the caller and until when. Raises MissingToken, BadToken, UserMissing."""
        return await self._session(*self._tokens.subject(authorization))

    async def issue_ticket(self, session: Session, door: str) -> dict[str, Any]:
        """Return ``{ticket, expiresIn}`` for one door, to be used once. Raises TooManyTries."""
        await self._limit.hit("ticket", session.user.id)
        return {"ticket": await self._tickets.issue(session, door), "expiresIn": LIFE_SECONDS}

    async def redeem_ticket(self, ticket: str, door: str) -> Session:
        """Return the session that a ticket stands for. Raises BadTicket, UserMissing."""
        session = await self._session(*await self._tickets.redeem(ticket, door))
        if session.seconds_left() <= 0:
            raise BadTicket("The ticket is not valid; ask for another one.")
        return session

    async def _session(self, user_id: str, expires: float) -> Session:
        async with self._database.reading() as session:
            user = await store.read_caller(session, user_id)
        if user is None:
            raise UserMissing("This account no longer exists.")
        return Session(user, expires)

    async def lost_rights(self, users: Collection[User]) -> set[str]:
        """Return the ids of those whose account is gone or has another role by now."""
        if not users:
            return set()
        async with self._database.reading() as session:
            roles = await store.roles_of(session, [user.id for user in users])
        return {user.id for user in users if roles.get(user.id) != user.role}

    async def change_profile(self, user: User, body: ProfileBody) -> User:
        """Change the given names and return the user. Raises InvalidField, UserMissing."""
        names = {"firstName": "first_name", "lastName": "last_name", "displayName": "display_name"}
        given = body.model_fields_set & set(names)
        values = {names[field]: _clean(getattr(body, field), field) for field in given}
        async with self._database.transaction() as session:
            if values:
                await store.update_user(session, user.id, **values)
                record(session, "user.profile", actor=user.id, fields=sorted(given))
            row = await store.find_by_id(session, user.id)
        if row is None:
            raise UserMissing("This account no longer exists.")
        return seen(row)

    async def ensure_admin(self, *, email: str, password: str) -> bool:
        """Create the first admin; return False when the platform has one or the address is taken."""
        hashed = await self.hashed(password)
        async with self._database.transaction() as session:
            if await store.find_admin(session) is not None:
                return False
            username = email.partition("@")[0] or "admin"
            for name in (username, f"{username}-{secrets.token_hex(3)}"):  # a customer may have the first
                values = {"email": email, "username": name, "display_name": "Administrator"}
                made = await store.insert_user(
                    session, id=f"usr_{secrets.token_hex(12)}", role="admin", password_hash=hashed, **values
                )
                if made:
                    record(session, "user.bootstrap", actor=None, email=email)
                    return True
        log.error("no administrator was made: a customer's account has the address %s", email)
        return False

    async def hashed(self, password: str) -> str:
        """Return what is stored of a password."""
        async with self._hashing:
            return await asyncio.to_thread(self._hash.hash, password)

    async def verified(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Return whether a password is right, and a better hash of it when the stored one is dated.

        Without a stored one it is wrong, after the same time.
        """
        async with self._hashing:
            return await asyncio.to_thread(self._hash.verify_and_update, password, hashed or self._decoy)


def seen(row: UserRow) -> User:
    """Return the caller's view of a row."""
    return User(
        id=row.id,
        email=row.email,
        username=row.username,
        display_name=row.display_name,
        first_name=row.first_name,
        last_name=row.last_name,
        role=row.role,
        email_verified=row.email_verified,
    )


def _check_password(password: str) -> None:
    if len(password) < PASSWORD_MIN:
        message = f"A password has at least {PASSWORD_MIN} characters."
        raise InvalidField(message, details={"field": "password"})


def checked_email(text: str) -> str:
    """Return an e-mail address in its usual form. Raises InvalidField."""
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as failure:
        raise InvalidField(f"This is no e-mail address: {failure}", details={"field": "email"}) from failure


def _checked_username(text: str) -> str:
    if not USERNAME.fullmatch(text):
        message = "A user name has 2 to 39 letters, digits, dots, dashes or underscores."
        raise InvalidField(message, details={"field": "username"})
    return text


def _clean(text: str | None, field: str) -> str | None:
    if text is not None and UNPRINTABLE.search(text):
        raise InvalidField("A name has no control characters.", details={"field": field})
    return text or None
