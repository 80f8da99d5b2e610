"""What the fields of an account may be."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from zpack.control.engine.errors import Refusal

PASSWORD_MIN = 8
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,38}")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


class InvalidField(Refusal):
    """A field is present and wrong; ``details.field`` names it."""

    code = "invalid_field"


def check_password(password: str, *, field: str = "password") -> None:
    """Raise InvalidField for a password that is too short."""
    if len(password) < PASSWORD_MIN:
        raise InvalidField(f"A password has at least {PASSWORD_MIN} characters.", details={"field": field})


def checked_email(text: str) -> str:
    """Return an e-mail address in its usual form. Raises InvalidField."""
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as failure:
        raise InvalidField(f"This is no e-mail address: {failure}", details={"field": "email"}) from failure


def checked_username(text: str) -> str:
    """Return a user name. Raises InvalidField."""
    if not USERNAME.fullmatch(text):
        message = "A user name has 2 to 39 letters, digits, dots, dashes or underscores."
        raise InvalidField(message, details={"field": "username"})
    return text


def clean(text: str | None, field: str) -> str | None:
    """Return a person's name, or None for an empty one. Raises InvalidField."""
    if text is not None and UNPRINTABLE.search(text):
        raise InvalidField("A name has no control characters.", details={"field": field})
    return text or None
