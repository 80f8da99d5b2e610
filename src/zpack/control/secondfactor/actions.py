"""Enrols, checks and removes second factors, and completes logins with them."""

from __future__ import annotations

import io
import secrets
import time
from typing import TYPE_CHECKING, Any

import segno

from zpack.control.accounts.store import lock_user, update_user
from zpack.control.audit.store import record
from zpack.control.engine.errors import Refusal
from zpack.control.secondfactor import store
from zpack.control.secondfactor.codes import (
    address_of,
    encoded,
    recovery_codes,
    recovery_digest,
    step_of,
)
from zpack.control.secondfactor.sealing import SECRET_BYTES, Broken

if TYPE_CHECKING:
    from zpack.control.accounts.actions import Accounts
    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import SecondFactor as Row
    from zpack.control.engine.limits import RateLimit
    from zpack.control.secondfactor.models import CompleteBody, ConfirmBody, DisableBody, EnrolBody
    from zpack.control.secondfactor.sealing import Sealing


class BadCode(Refusal):
    """The code is wrong, too old, or was used before: not said which."""

    kind = "unauthorized"
    code = "invalid_code"


class AlreadyEnrolled(Refusal):
    """The account has a second factor; it has to be switched off first."""

    kind = "conflict"
    code = "second_factor_enabled"


class NotEnrolled(Refusal):
    """The account has no second factor, or none that waits to be confirmed."""

    kind = "conflict"
    code = "second_factor_missing"


class SecondFactors:
    """Every account's second factor."""

    def __init__(self, *, database: Database, accounts: Accounts, limit: RateLimit, sealing: Sealing) -> None:
        self._database = database
        self._accounts = accounts
        self._limit = limit
        self._sealing = sealing

    async def state(self, user: User) -> dict[str, Any]:
        """Return whether it is on, and how many recovery codes are left."""
        async with self._database.transaction() as rows:
            row = await store.lock(rows, user.id)
            left = await store.count_codes(rows, user.id)
        return {"enabled": row is not None and row.confirmed_at is not None, "recoveryCodesLeft": left}

    async def enrol(self, user: User, body: EnrolBody) -> dict[str, Any]:
        """Return a new secret as text, address and picture. Raises BadCredentials, AlreadyEnrolled."""
        await self._accounts.confirm(user, body.password)
        secret = secrets.token_bytes(SECRET_BYTES)
        async with self._database.transaction() as rows:
            if not await store.propose(rows, user.id, self._sealing.seal(secret, user.id)):
                raise AlreadyEnrolled("This account has a second factor; switch it off first.")
            record(rows, "second-factor.enrol", actor=user.id)
        address = address_of(secret, user.email)
        return {"secret": encoded(secret), "otpauthUrl": address, "qrSvg": _picture(address)}

    async def confirm(self, user: User, body: ConfirmBody) -> dict[str, Any]:
        """Switch it on with a first code; return the recovery codes. Raises BadCode, NotEnrolled."""
        await self._count(user.id)
        codes = recovery_codes()
        async with self._database.transaction() as rows:
            await lock_user(rows, user.id)  # first, as a login does: else the two wait for each other
            row = await store.lock(rows, user.id)
            if row is None or row.confirmed_at is not None:
                raise NotEnrolled("No second factor waits to be confirmed.")
            if not self._used(row, body.code):
                raise BadCode("The code is wrong or was used before.")
            await store.confirm(rows, user.id)
            await store.replace_codes(rows, user.id, [recovery_digest(code) for code in codes])
            await update_user(rows, user.id, second_factor=True)
            record(rows, "second-factor.enable", actor=user.id)
        return {"ok": True, "recoveryCodes": codes}

    async def disable(self, user: User, body: DisableBody) -> None:
        """Switch it off. Raises BadCredentials, BadCode, NotEnrolled."""
        await self._accounts.confirm(user, body.password)
        await self._count(user.id)
        async with self._database.transaction() as rows:
            await lock_user(rows, user.id)
            row = await store.lock(rows, user.id)
            if row is None or row.confirmed_at is None:
                raise NotEnrolled("This account has no second factor.")
            await self._demand(rows, row, body.code, body.recoveryCode)
            await store.remove(rows, user.id)
            await update_user(rows, user.id, second_factor=False)
            record(rows, "second-factor.disable", actor=user.id)

    async def complete(self, body: CompleteBody) -> dict[str, Any]:
        """Log in who has shown the password and now a code. Raises BadChallenge, BadCode, TooManyTries."""
        claims = self._accounts.challenge_claims(body.challenge)
        await self._count(claims["sub"])
        async with self._database.transaction() as rows:
            user = await self._accounts.challenged(rows, claims)
            row = await store.lock(rows, user.id)
            if row is None or row.confirmed_at is None:
                raise NotEnrolled("This account has no second factor any more; log in again.")
            await self._demand(rows, row, body.code, body.recoveryCode)
            return await self._accounts.admit(rows, user)

    async def _count(self, user_id: str) -> None:
        await self._limit.hit("second-factor", user_id)
        await self._limit.hit("second-factor-day", user_id)

    async def _demand(self, rows: AsyncSession, row: Row, code: str, recovery: str) -> None:
        """Use a code or a recovery code up. Raises BadCode."""
        if code and self._used(row, code):
            return
        if recovery and await store.use_code(rows, row.user_id, recovery_digest(recovery)):
            record(rows, "second-factor.recovery-code", actor=row.user_id)
            return
        raise BadCode("The code is wrong or was used before.")

    def _used(self, row: Row, code: str) -> bool:
        """Note the use of a code of a later window than any before; False when it is no such."""
        try:
            secret = self._sealing.open(row.sealed, row.user_id)
        except Broken:
            return False
        step = step_of(secret, code, now=time.time())
        if step is None or step <= row.last_step:
            return False
        row.last_step = step
        if self._sealing.is_dated(row.sealed):
            row.sealed = self._sealing.seal(secret, row.user_id)
        return True


def _picture(address: str) -> str:
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", scale=4, xmldecl=False)
    return drawn.getvalue().decode()
