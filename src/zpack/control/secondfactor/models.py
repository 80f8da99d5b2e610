"""What a request may say about a second factor."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from zpack.control.accounts.models import Body

Password = Annotated[str, StringConstraints(max_length=256)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]


class EnrolBody(Body):
    """``POST /api/auth/second-factor``."""

    password: Password = ""


class ConfirmBody(Body):
    """``POST /api/auth/second-factor/confirm``."""

    code: Code = ""


class DisableBody(Body):
    """``POST /api/auth/second-factor/disable``."""

    password: Password = ""
    code: Code = ""
    recoveryCode: Code = ""  # noqa: N815 - the wire's spelling


class CompleteBody(Body):
    """``POST /api/auth/login/second-factor``."""

    challenge: Annotated[str, StringConstraints(max_length=4096)] = ""
    code: Code = ""
    recoveryCode: Code = ""  # noqa: N815 - likewise
