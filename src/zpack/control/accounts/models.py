"""The caller, as every room sees it, and what a request may say about an account."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

if TYPE_CHECKING:
    from collections.abc import Collection

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
MAX_DEPTH = 20
KEY_PREFIX = "zpk_"
"""What every API key begins with, so that it is known from a token and found when it leaks."""


@dataclass(frozen=True)
class User:
    """Someone who has proven who they are."""

    id: str
    email: str
    username: str
    display_name: str | None
    first_name: str | None
    last_name: str | None
    role: str
    email_verified: bool = False
    billing_status: str = "none"
    server_state: str = "allowed"
    """How the account stands; what follows from it is for the room of the entitlements to say."""

    @property
    def is_admin(self) -> bool:
        """Admins see and may do everything, and are exempt from billing."""
        return self.role == "admin"

    def wire(self) -> dict[str, Any]:
        """Return the contract's ``user`` object (§2.2)."""
        return {
            "id": self.id,
            "email": self.email,
            "username": self.username,
            "displayName": self.display_name,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "role": self.role,
            "emailVerified": self.email_verified,
        }


@dataclass(frozen=True)
class Session:
    """A caller, and until when (seconds since 1970) and how far what was shown is good.

    ``sid`` is the login session, or empty with an API key, whose id is ``api_key``. A full login has every
    scope.
    """

    user: User
    expires: float
    sid: str = ""
    scopes: frozenset[str] = frozenset({"*"})
    api_key: str | None = None

    def seconds_left(self) -> float:
        """Return for how long the right lasts."""
        return max(0.0, self.expires - time.time())


@dataclass(frozen=True)
class Shown:
    """What a token says of a session before its user has been looked up."""

    user_id: str
    expires: float
    sid: str
    scopes: frozenset[str] = frozenset({"*"})
    api_key: str | None = None


class KeyBearers(Protocol):
    """Who acts with API keys: the room of the keys stands above this one."""

    async def session(self, key: str) -> Session:
        """Return the session of a key. Raises BadToken."""
        ...

    async def live(self, key_ids: Collection[str]) -> set[str]:
        """Return those keys that are still good."""
        ...


class Body(BaseModel):
    """A JSON body. Unknown fields are ignored, as the Node service did; wrong types are refused."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=False)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """Refuse text that PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
        if not _is_storable(value):
            msg = "This text holds characters that cannot be stored."
            raise ValueError(msg)
        return value


class RegisterBody(Body):
    """``POST /api/auth/register``."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] = ""
    username: Annotated[str, StringConstraints(strip_whitespace=True, max_length=39)] = ""
    password: Annotated[str, StringConstraints(max_length=256)] = ""
    firstName: Name | None = None  # noqa: N815 - the contract's spelling
    lastName: Name | None = None  # noqa: N815 - the contract's spelling
    displayName: Name | None = None  # noqa: N815 - the contract's spelling


class LoginBody(Body):
    """``POST /api/auth/login``; ``identifier`` is an e-mail address or a user name."""

    identifier: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] = ""
    password: Annotated[str, StringConstraints(max_length=256)] = ""


class RefreshBody(Body):
    """``POST /api/auth/refresh``."""

    refreshToken: Annotated[str, StringConstraints(max_length=4096)] = ""  # noqa: N815 - beside ``refreshToken``


class LogoutBody(Body):
    """``POST /api/auth/logout``: whatever it says, the answer is the same."""

    refreshToken: Any = None  # noqa: N815 - likewise


class ProfileBody(Body):
    """``PATCH /api/auth/me``: only what is present changes."""

    firstName: Name | None = Field(default=None)  # noqa: N815 - the contract's spelling
    lastName: Name | None = Field(default=None)  # noqa: N815 - the contract's spelling
    displayName: Name | None = Field(default=None)  # noqa: N815 - the contract's spelling


def _is_storable(value: Any, depth: int = 0) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(_is_storable(k, depth + 1) and _is_storable(v, depth + 1) for k, v in value.items())
    if isinstance(value, list):
        return all(_is_storable(v, depth + 1) for v in value)
    return True
