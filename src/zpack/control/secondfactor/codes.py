"""Codes: which window a six-digit code is of, and how recovery codes are made and read. No I/O."""

from __future__ import annotations

import base64
import secrets

from pyotp.totp import TOTP
from pyotp.utils import strings_equal

from zpack.control.accounts.auth import digest_of

STEP_SECONDS = 30
DRIFT = (0, -1, 1)
"""The present window, and for clocks that differ the last and the next (RFC 6238 §5.2)."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
ISSUER = "zpack"


def step_of(secret: bytes, code: str, *, now: float) -> int | None:
    """Return the window a code is of, or None when it is of none that is allowed."""
    totp = TOTP(encoded(secret), interval=STEP_SECONDS)
    present = int(now) // STEP_SECONDS
    digits = code.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        return None
    fitting = [present + d for d in DRIFT if strings_equal(totp.generate_otp(present + d), digits)]
    return fitting[0] if fitting else None


def encoded(secret: bytes) -> str:
    """Return a secret as authenticators are told it."""
    return base64.b32encode(secret).decode()


def address_of(secret: bytes, account: str) -> str:
    """Return the ``otpauth://`` address that authenticators scan."""
    return TOTP(encoded(secret)).provisioning_uri(name=account, issuer_name=ISSUER)


def recovery_codes() -> list[str]:
    """Return new recovery codes, in groups of four letters."""
    return [_new_code() for _ in range(RECOVERY_CODES)]


def _new_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def recovery_digest(code: str) -> str:
    """Return what is kept of a recovery code, however it was typed."""
    return digest_of("".join(code.lower().split()).replace("-", ""))
