"""Register, log in, change a profile. Every answer takes the same time whether or not an account exists."""

from __future__ import annotations

import hmac
import logging
import secrets
from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store
from zpack.control.accounts.auth import BadToken, bearer, digest_of
from zpack.control.accounts.fields import check_password, checked_email, checked_username, clean
from zpack.control.accounts.models import KEY_PREFIX, Session, Shown, User
from zpack.control.accounts.tickets import LIFE_SECONDS, BadTicket
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.engine.limits import network_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from zpack.control.accounts.auth import TokenKinds, Tokens
    from zpack.control.accounts.models import KeyBearers, LoginBody, ProfileBody, RegisterBody
    from zpack.control.accounts.passwords import Passwords
    from zpack.control.accounts.sessions import Sessions
    from zpack.control.accounts.tickets import Tickets
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import User as UserRow
    from zpack.control.engine.limits import RateLimit

    Welcome = Callable[[AsyncSession, str, str], Awaitable[None]]
    """What else happens when someone joins, in the same transaction; given id and e-mail address."""

log = logging.getLogger("zpack.accounts")


class MissingFields(Refusal):
    """A required field is absent."""

    code = "Missing required fields"


class MissingCredentials(Refusal):
    """A login without name or password."""

    code = "Missing credentials"


class UserExists(Refusal):
    """The e-mail address or the user name is taken."""

    kind = "conflict"
    code = "User already exists"


class BadCredentials(Refusal):
    """Wrong name or wrong password: not said which."""

    kind = "unauthorized"
    code = "Invalid credentials"


class SecondFactorRequired(Refusal):
    """The password was right; ``details.challenge`` has to come back with a code."""

    kind = "unauthorized"
    code = "second_factor_required"


class BadChallenge(Refusal):
    """The challenge is not one of ours, or no longer."""

    kind = "unauthorized"
    code = "invalid_challenge"


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
        keys: KeyBearers,
        limit: RateLimit,
        passwords: Passwords,
        sessions: Sessions,
        tickets: Tickets,
        tokens: TokenKinds,
        welcome: Welcome,
    ) -> None:
        self._database = database
        self._keys = keys
        self._limit = limit
        self._sessions = sessions
        self._tickets = tickets
        self._tokens = tokens
        self._welcome = welcome
        self.hashed = passwords.hashed
        self.verified = passwords.verified

    async def register(self, body: RegisterBody, *, address: str) -> dict[str, Any]:
        """Create an account and log it in.

        Raises MissingFields, InvalidField, UserExists, TooManyTries.
        """
        if not (body.email and body.username and body.password):
            raise MissingFields("E-mail address, user name and password are required.")
        await self._limit.hit("register", network_of(address))
        check_password(body.password)
        values = {
            "id": f"usr_{secrets.token_hex(12)}",
            "email": checked_email(body.email),
            "username": checked_username(body.username),
            "first_name": clean(body.firstName, "firstName"),
            "last_name": clean(body.lastName, "lastName"),
            "display_name": clean(body.displayName, "displayName") or body.username,
            "role": "user",
        }
        values["password_hash"] = await self.hashed(body.password, line=network_of(address))
        async with self._database.transaction() as session:
            is_new = await store.insert_user(session, **values)
            if not is_new:  # a taken name must not be told by less work: do it all, and roll it back
                values |= {"email": f"{values['id']}@taken.invalid", "username": values["id"]}
                await store.insert_user(session, **values)
            user = User(**{k: v for k, v in values.items() if k != "password_hash"})  # pyright: ignore[reportArgumentType] - same keys
            answer = await self._sessions.begin(session, user)
            await self._welcome(session, user.id, user.email)
            record(session, "user.register", actor=user.id)
            if not is_new:
                raise UserExists("An account with this e-mail address or user name exists already.")
        return answer

    async def log_in(self, body: LoginBody, *, address: str) -> dict[str, Any]:
        """Return ``{token, refreshToken, expiresIn}``.

        Raises MissingCredentials, BadCredentials, SecondFactorRequired, TooManyTries.
        """
        if not (body.identifier and body.password):
            raise MissingCredentials("Send identifier and password.")
        network = network_of(address)
        row = await self._sought(body.identifier, network)
        stored = row.password_hash if row else None
        good, better = await self.verified(body.password, stored, line=network)
        if row is None or not good:
            raise BadCredentials("The name or the password is wrong.")
        async with self._database.transaction() as session:
            now = await store.lock_user(session, row.id)
            if now is None or now.password_hash != row.password_hash:  # reset while we looked at it
                raise BadCredentials("The name or the password is wrong.")
            if better is not None:
                await store.update_user(session, row.id, password_hash=better)
            if not now.second_factor:
                return await self.admit(session, store.seen(row))
        raise self._challenge(row, better or row.password_hash)

    async def _sought(self, identifier: str, network: str) -> UserRow | None:
        """Return the account that is meant, after counting the try. Raises TooManyTries.

        Counted are the network with this name, the network, and the name: the last only for networks that
        the account has not been logged in from, so that strangers cannot lock its owner out.
        """
        name = identifier.lower()[:254]
        await self._limit.hit("login", f"{network} {name}")
        await self._limit.hit("login-address", network)
        async with self._database.reading() as session:
            row = await store.find_by_identifier(session, identifier)
            known = await store.addresses_of(session, row.id if row else None)
        if network not in {network_of(address) for address in known}:
            await self._limit.hit("login-account", name)
        return row

    def _challenge(self, row: UserRow, password_hash: str) -> SecondFactorRequired:
        """Return the refusal that asks for the second factor; the challenge ends with the password."""
        tokens = self._tokens.challenge
        challenge = tokens.issue(row.id, pwd=digest_of(password_hash))
        details = {"challenge": challenge, "expiresIn": tokens.seconds}
        return SecondFactorRequired("Send a code of your authenticator.", details=details)

    def challenge_claims(self, challenge: str) -> dict[str, Any]:
        """Return what a challenge says. Raises BadChallenge."""
        try:
            return self._tokens.challenge.read(challenge)
        except BadToken as failure:
            raise BadChallenge("The challenge is not valid or has expired; log in again.") from failure

    async def challenged(self, transaction: AsyncSession, claims: dict[str, Any]) -> User:
        """Return who has shown the password, which stays as it is until the transaction ends.

        Raises BadChallenge when it was changed since.
        """
        row = await store.lock_user(transaction, claims["sub"])
        if row is None or not hmac.compare_digest(digest_of(row.password_hash), claims["pwd"]):
            raise BadChallenge("The challenge is not valid or has expired; log in again.")
        return store.seen(row)

    async def admit(self, transaction: AsyncSession, user: User) -> dict[str, Any]:
        """Log a user in who has shown all there is to show."""
        answer = await self._sessions.begin(transaction, user)
        record(transaction, "user.login", actor=user.id)
        return answer

    async def confirm(self, user: User, password: str) -> None:
        """Have the password shown again. Raises BadCredentials, TooManyTries."""
        await self._limit.hit("confirm", user.id)
        async with self._database.reading() as session:
            row = await store.find_by_id(session, user.id)
        good, _ = await self.verified(password, row.password_hash if row else None)
        if not good:
            raise BadCredentials("The password is wrong.")

    async def session(self, authorization: str | None) -> Session:
        """Return the caller, until when and how far. Raises MissingToken, BadToken, UserMissing."""
        token = bearer(authorization)
        if token.startswith(KEY_PREFIX):
            return await self._keys.session(token)
        claims = self._tokens.access.read(token)
        sid = claims.get("sid")
        if not (isinstance(sid, str) and sid):
            raise BadToken("The token is of an older kind; log in again.")
        return await self._session(Shown(user_id=claims["sub"], expires=float(claims["exp"]), sid=sid))

    async def issue_ticket(self, session: Session, door: str) -> dict[str, Any]:
        """Return ``{ticket, expiresIn}`` for one door, to be used once. Raises TooManyTries."""
        await self._limit.hit("ticket", session.user.id)
        return {"ticket": await self._tickets.issue(session, door), "expiresIn": LIFE_SECONDS}

    async def redeem_ticket(self, ticket: str, door: str) -> Session:
        """Return the session that a ticket stands for. Raises BadTicket, BadToken, UserMissing."""
        shown = await self._tickets.redeem(ticket, door)
        if shown.api_key and shown.api_key not in await self._keys.live({shown.api_key}):
            raise BadTicket("The ticket is not valid; ask for another one.")
        session = await self._session(shown)
        if session.seconds_left() <= 0:
            raise BadTicket("The ticket is not valid; ask for another one.")
        return session

    async def session_of(self, tokens: Tokens, token: str, **wanted: Any) -> Session:
        """Return the session of a token that says just this. Raises BadToken, UserMissing."""
        claims = tokens.read(token)
        if any(claims.get(name) != value for name, value in wanted.items()):
            raise BadToken("The token is for another door.")
        return await self._session(Shown(claims["sub"], float(claims["exp"]), claims["sid"]))

    async def ide_session(self, token: str, vmid: int) -> Session:
        """Return the session of an IDE token for this container. Raises BadToken, UserMissing."""
        return await self.session_of(self._tokens.ide, token, type="dev-ide", vmid=vmid)

    async def _session(self, shown: Shown) -> Session:
        async with self._database.reading() as session:
            found = await store.read_caller(session, shown.user_id, shown.sid)
        if found is None:
            raise UserMissing("This account no longer exists.")
        user, live = found
        if not live:
            raise BadToken("This session has ended; log in again.")
        return Session(user, shown.expires, shown.sid, shown.scopes, shown.api_key)

    async def lost_rights(self, sessions: Collection[Session]) -> set[Session]:
        """Return those whose account is gone or has another role by now, or whose session or key ended."""
        if not sessions:
            return set()
        users, sids = {each.user.id for each in sessions}, {each.sid for each in sessions if each.sid}
        async with self._database.reading() as session:
            found = await store.read_rights(session, users, sids)
        keys = {each.api_key for each in sessions if each.api_key}
        live = await self._keys.live(keys) if keys else set[str]()
        return {
            each
            for each in sessions
            if found.get(each.user.id) != each.user.role
            or (each.sid and each.sid not in found)
            or (each.api_key and each.api_key not in live)
        }

    async def change_profile(self, user: User, body: ProfileBody) -> User:
        """Change the given names and return the user. Raises InvalidField, UserMissing."""
        names = {"firstName": "first_name", "lastName": "last_name", "displayName": "display_name"}
        given = body.model_fields_set & set(names)
        values = {names[field]: clean(getattr(body, field), field) for field in given}
        async with self._database.transaction() as session:
            if values:
                await store.update_user(session, user.id, **values)
                record(session, "user.profile", actor=user.id, fields=sorted(given))
            row = await store.find_by_id(session, user.id)
        if row is None:
            raise UserMissing("This account no longer exists.")
        return store.seen(row)

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
                    session,
                    **values,
                    id=f"usr_{secrets.token_hex(12)}",
                    role="admin",
                    password_hash=hashed,
                    email_verified=True,
                )
                if made:
                    record(session, "user.bootstrap", actor=None, email=email)
                    return True
        log.error("no administrator was made: a customer's account has the address %s", email)
        return False
