"""What a request may say, and what a mailed token is good for."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from zpack.control.accounts.models import Body

Password = Annotated[str, StringConstraints(max_length=256)]
Token = Annotated[str, StringConstraints(strip_whitespace=True, max_length=128)]


class Purpose(StrEnum):
    """What the reader of a mailbox may do with a token."""

    RESET = "reset"
    VERIFY = "verify"
    ADDRESS = "address"


HOUR = timedelta(hours=1)
LIFE = {Purpose.RESET: HOUR, Purpose.VERIFY: 24 * HOUR, Purpose.ADDRESS: HOUR}
ENOUGH = 3
YOUNG = timedelta(minutes=30)
"""So many young tokens lie in a mailbox: another one would help nobody but who floods it."""


class ForgottenBody(Body):
    """``POST /api/auth/password-reset/request``."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] = ""


class ResetBody(Body):
    """``POST /api/auth/password-reset/confirm``; the password goes by either name."""

    token: Token = ""
    password: Password = ""
    newPassword: Password = ""  # noqa: N815 - the contract's spelling


class ChangeBody(Body):
    """``POST /api/auth/change-password``."""

    currentPassword: Password = ""  # noqa: N815 - the contract's spelling
    newPassword: Password = ""  # noqa: N815 - the contract's spelling


class AddressBody(Body):
    """``POST /api/auth/change-email``."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] = ""
    currentPassword: Password = ""  # noqa: N815 - the contract's spelling


class TokenBody(Body):
    """``POST /api/auth/verify-email`` and ``/change-email/confirm``."""

    token: Token = ""
