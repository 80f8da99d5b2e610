"""The second step of a login, as a state machine (CVE-2021-41129, CVE-2025-69197 of Pterodactyl)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pyotp
import pytest
from sqlalchemy import text

from tests.support.http import PASSWORD, Caller
from tests.support.tokens import parts_of
from zpack.control.accounts import store as accounts
from zpack.control.secondfactor.codes import recovery_codes, recovery_digest, step_of
from zpack.control.secondfactor.sealing import Broken, Sealing

if TYPE_CHECKING:
    from tests.support.http import Reply
    from zpack.control.db.session import Database

FACTOR, SECOND = "/api/auth/second-factor", "/api/auth/login/second-factor"
LOGIN = {"identifier": "ann", "password": PASSWORD}
NOW = 1_700_000_000.0


class Enrolled:
    """Ann with an authenticator, whose next codes are taken from windows that were not used."""

    def __init__(self, ann: Caller, anyone: Caller, secret: str, codes: list[str], used: int) -> None:
        self.ann, self.anyone, self.codes = ann, anyone, codes
        self.totp, self._used = pyotp.TOTP(secret), used

    def code(self) -> str:
        """Return a code of the window after the one that was used last."""
        self._used += 1
        return self.totp.generate_otp(self._used)

    async def challenge(self) -> str:
        reply = await self.anyone.post("/api/auth/login", LOGIN)
        assert (reply.status, reply.body["error"]) == (401, "second_factor_required")
        return reply.body["details"]["challenge"]

    async def second(self, challenge: str, **shown: str) -> Reply:
        return await self.anyone.post(SECOND, {"challenge": challenge, **shown})


@pytest.fixture
async def enrolled(ann: Caller, anyone: Caller) -> Enrolled:
    secret = (await ann.post(FACTOR, {"password": PASSWORD})).body["secret"]
    before = int(time.time() + 5) // 30 - 1  # also allowed should the window end while we are at it
    reply = await ann.post(f"{FACTOR}/confirm", {"code": pyotp.TOTP(secret).generate_otp(before)})
    assert reply.status == 200, reply
    return Enrolled(ann, anyone, secret, reply.body["recoveryCodes"], before)


async def test_enrolling_shows_text_address_and_picture(ann: Caller) -> None:
    shown = (await ann.post(FACTOR, {"password": PASSWORD})).body
    parsed = pyotp.parse_uri(shown["otpauthUrl"])
    assert (parsed.name, parsed.issuer, parsed.secret) == ("ann@example.org", "zpack", shown["secret"])
    assert shown["qrSvg"].startswith("<svg")


async def test_what_is_not_confirmed_asks_nobody(ann: Caller, anyone: Caller) -> None:
    await ann.post(FACTOR, {"password": PASSWORD})
    assert (await ann.get(FACTOR)).body == {"enabled": False, "recoveryCodesLeft": 0}
    assert (await anyone.post("/api/auth/login", LOGIN)).status == 200


async def test_enrolling_needs_the_password_and_a_code(ann: Caller) -> None:
    assert (await ann.post(FACTOR, {"password": "wrong one"})).body["error"] == "Invalid credentials"
    assert (await ann.post(f"{FACTOR}/confirm", {"code": "000000"})).body["error"] == "second_factor_missing"
    await ann.post(FACTOR, {"password": PASSWORD})
    for code in ("", "abcdef", "\u0660" * 6, "0" * 40):
        reply = await ann.post(f"{FACTOR}/confirm", {"code": code})
        assert (reply.status, reply.body["error"]) == (401, "invalid_code")


async def test_a_login_needs_both_steps(enrolled: Enrolled) -> None:
    reply = await enrolled.second(await enrolled.challenge(), code=enrolled.code())
    assert (reply.status, set(reply.body)) == (200, {"token", "refreshToken", "expiresIn"})
    headers = {"Authorization": f"Bearer {reply.body['token']}"}
    assert (await enrolled.anyone.get("/api/auth/me", headers=headers)).status == 200
    assert (await enrolled.ann.get(FACTOR)).body == {"enabled": True, "recoveryCodesLeft": 10}


async def test_a_wrong_password_is_not_told_of_the_second_step(enrolled: Enrolled) -> None:
    reply = await enrolled.anyone.post("/api/auth/login", {**LOGIN, "password": "wrong one"})
    assert reply.body["error"] == "Invalid credentials"


async def test_a_code_is_good_once(enrolled: Enrolled) -> None:
    code = enrolled.code()
    assert (await enrolled.second(await enrolled.challenge(), code=code)).status == 200
    again = await enrolled.second(await enrolled.challenge(), code=code)
    assert (again.status, again.body["error"]) == (401, "invalid_code")


async def test_the_code_that_confirmed_it_is_used_up(enrolled: Enrolled) -> None:
    used = enrolled.totp.generate_otp(enrolled._used)
    assert (await enrolled.second(await enrolled.challenge(), code=used)).status == 401


async def test_of_many_who_show_one_code_at_once_one_gets_in(enrolled: Enrolled) -> None:
    challenge, code = await enrolled.challenge(), enrolled.code()
    replies = await asyncio.gather(*(enrolled.second(challenge, code=code) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [200] + [401] * 4


async def test_a_recovery_code_is_good_once_however_it_is_typed(enrolled: Enrolled) -> None:
    typed = f" {enrolled.codes[3].upper().replace('-', ' ')} "
    assert (await enrolled.second(await enrolled.challenge(), recoveryCode=typed)).status == 200
    assert (await enrolled.second(await enrolled.challenge(), recoveryCode=typed)).status == 401
    assert (await enrolled.ann.get(FACTOR)).body["recoveryCodesLeft"] == 9


@pytest.mark.parametrize("challenge", ["", "x", "1", "a.b.c", "eyJ.eyJ.x"])
async def test_without_a_challenge_there_is_no_second_step(enrolled: Enrolled, challenge: str) -> None:
    reply = await enrolled.second(challenge, code=enrolled.code())
    assert (reply.status, reply.body["error"]) == (401, "invalid_challenge")


async def test_no_other_token_is_a_challenge_and_a_challenge_is_no_other(enrolled: Enrolled) -> None:
    assert (await enrolled.second(str(enrolled.ann.token), code=enrolled.code())).status == 401
    challenge = await enrolled.challenge()
    headers = {"Authorization": f"Bearer {challenge}"}
    assert (await enrolled.anyone.get("/api/auth/me", headers=headers)).status == 401
    assert (await enrolled.anyone.post("/api/auth/refresh", {"refreshToken": challenge})).status == 401


async def test_a_challenge_ends_with_the_password(enrolled: Enrolled, database: Database) -> None:
    challenge = await enrolled.challenge()
    async with database.transaction() as session:
        await accounts.update_user(session, parts_of(challenge)[1]["sub"], password_hash="another")
    assert (await enrolled.second(challenge, code=enrolled.code())).body["error"] == "invalid_challenge"


async def test_guessing_codes_is_rationed_for_the_account(enrolled: Enrolled) -> None:
    challenge = await enrolled.challenge()
    got = [(await enrolled.second(challenge, code="000000")).status for _ in range(10)]
    assert got[-1] == 429
    assert (await enrolled.second(challenge, code=enrolled.code())).status == 429
    assert (await enrolled.ann.get("/api/auth/me")).status == 200


async def test_switching_it_off_needs_password_and_code(enrolled: Enrolled) -> None:
    off = f"{FACTOR}/disable"
    code = enrolled.code()
    assert (await enrolled.ann.post(off, {"password": "wrong one", "code": code})).status == 401
    assert (await enrolled.ann.post(off, {"password": PASSWORD})).body["error"] == "invalid_code"
    assert (await enrolled.ann.post(off, {"password": PASSWORD, "code": code})).status == 200
    assert (await enrolled.anyone.post("/api/auth/login", LOGIN)).status == 200
    assert (await enrolled.ann.get(FACTOR)).body == {"enabled": False, "recoveryCodesLeft": 0}


async def test_a_second_one_is_refused_and_changes_nothing(enrolled: Enrolled) -> None:
    reply = await enrolled.ann.post(FACTOR, {"password": PASSWORD})
    assert (reply.status, reply.body["error"]) == (409, "second_factor_enabled")
    assert (await enrolled.second(await enrolled.challenge(), code=enrolled.code())).status == 200


async def test_the_database_holds_neither_secret_nor_codes(enrolled: Enrolled, database: Database) -> None:
    tables = "select row_to_json(f)::text from second_factors f union all select row_to_json(c)::text from recovery_codes c union all select payload::text from audit_log"
    async with database.transaction() as session:
        rows = " ".join((await session.scalars(text(tables))).all())
    secrets = [enrolled.totp.secret, enrolled.totp.byte_secret().hex(), *enrolled.codes]
    assert not [secret for secret in secrets if secret in rows or secret.replace("-", "") in rows]


async def test_every_step_leaves_an_audit_row(enrolled: Enrolled, database: Database) -> None:
    await enrolled.second(await enrolled.challenge(), recoveryCode=enrolled.codes[0])
    async with database.transaction() as session:
        rows = (await session.scalars(text("select action from audit_log order by id"))).all()
    assert rows == [
        "user.register", "second-factor.enrol", "second-factor.enable", "second-factor.recovery-code", "user.login",
    ]  # fmt: skip


# --- pure parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("drift", "step"), [(-60, None), (-30, -1), (0, 0), (30, 1), (60, None)])
def test_clocks_may_differ_by_one_window(drift: int, step: int | None) -> None:
    code = pyotp.TOTP(pyotp.random_base32()).secret
    totp = pyotp.TOTP(code)
    present = int(NOW) // 30
    wanted = None if step is None else present + step
    assert step_of(totp.byte_secret(), totp.at(NOW + drift), now=NOW) == wanted


def test_a_sealed_secret_opens_for_its_user_only_and_unchanged() -> None:
    sealing = Sealing(("a secret of tests, long enough for HS256",))
    sealed = sealing.seal(b"s" * 20, "usr_1")
    assert sealing.open(sealed, "usr_1") == b"s" * 20
    assert sealed != sealing.seal(b"s" * 20, "usr_1")
    for changed, user in (
        (sealed, "usr_2"),
        (sealed[:12] + "AAAA" + sealed[16:], "usr_1"),
        ("x.y", "usr_1"),
        (sealed[:9], "usr_1"),
        (sealed[:9] + "no base64", "usr_1"),
    ):
        with pytest.raises(Broken):
            sealing.open(changed, user)


def test_a_secret_outlives_the_change_of_the_key() -> None:
    old, both = Sealing(("one secret",)), Sealing(("two secret", "one secret"))
    sealed = old.seal(b"s" * 20, "usr_1")
    assert both.open(sealed, "usr_1") == b"s" * 20
    assert (both.is_dated(sealed), both.is_dated(both.seal(b"s" * 20, "usr_1"))) == (True, False)


def test_recovery_codes_are_ten_different_ones() -> None:
    codes = recovery_codes()
    assert len({recovery_digest(code) for code in codes}) == 10
    assert all(len(code) == 19 for code in codes)
