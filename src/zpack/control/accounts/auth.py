"""Tokens (contract §10.1): one fixed algorithm and issuer, and for each kind an audience and keys of its own.

A key is derived from a secret and the kind, so that a token of one kind is not even signed rightly at the
door of another. The present secret signs; the previous one, while it is set, still verifies.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import jwt

from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.control.accounts.models import User

ALGORITHM = "HS256"
ISSUER = "zpack"
REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti"]
CHECKS = {"require": REQUIRED, "strict_aud": True, "verify_iat": False}
"""``iat`` has to be there but forbids nothing: clocks of two processes differ."""
TOKEN_LIMIT = 4096
Kind = Literal["access", "challenge", "console", "ide", "ide_cookie", "refresh"]


class MissingToken(Refusal):
    """No bearer token was sent."""

    kind = "unauthorized"
    code = "Missing authorization token"


class BadToken(Refusal):
    """The bearer token is not one of ours, or no longer."""

    kind = "unauthorized"
    code = "Invalid or expired token"


class Tokens:
    """Issues and verifies the tokens of one kind. ``life`` is how long one is good."""

    def __init__(self, *, kind: Kind, secrets: Sequence[str], life: timedelta) -> None:
        keys = [derived(secret.encode(), f"zpack {kind} token") for secret in secrets]
        self._keys = {key_id(key): key for key in keys}
        self._kid = key_id(keys[0])
        self._audience = f"{ISSUER}:{kind}"
        self.life = life

    @property
    def seconds(self) -> int:
        """How long a token is good."""
        return int(self.life.total_seconds())

    def issue(self, subject: str, **claims: Any) -> str:
        """Return a signed token about ``subject``."""
        now = datetime.now(UTC)
        fixed = {"sub": subject, "iss": ISSUER, "aud": self._audience, "iat": now, "exp": now + self.life}
        body = {"jti": secrets.token_urlsafe(16)} | claims | fixed
        return jwt.encode(body, self._keys[self._kid], algorithm=ALGORITHM, headers={"kid": self._kid})

    def read(self, token: str) -> dict[str, Any]:
        """Return the claims of a token. Raises BadToken."""
        try:
            if len(token) > TOKEN_LIMIT:
                raise ValueError("too long")  # noqa: TRY301 - one way out
            key = self._keys[str(jwt.get_unverified_header(token).get("kid"))]
            return jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=self._audience,
                options=CHECKS,  # pyright: ignore[reportArgumentType] - its type lacks strict_aud
            )
        except (jwt.PyJWTError, ValueError, KeyError, RecursionError) as failure:
            raise BadToken("The token is not valid or has expired; log in again.") from failure


@dataclass(frozen=True)
class TokenKinds:
    """Every kind of token."""

    access: Tokens
    challenge: Tokens
    console: Tokens
    ide: Tokens
    ide_cookie: Tokens
    refresh: Tokens


def access_claims(user: User, sid: str) -> dict[str, Any]:
    """Return what an access token says beside its subject (contract §10.1)."""
    return {
        "sid": sid,
        "email": user.email,
        "username": user.username,
        "displayName": user.display_name,
        "scopes": ["*"],
    }


def ide_claims(sid: str, vmid: int) -> dict[str, Any]:
    """Return what an IDE token says beside its subject (contract §10.1)."""
    return {"sid": sid, "vmid": vmid, "type": "dev-ide"}


def bearer(authorization: str | None) -> str:
    """Return the token of an ``Authorization`` header. Raises MissingToken."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingToken("Send an access token: Authorization: Bearer <token>.")
    return token.strip()


def derived(secret: bytes, purpose: str) -> bytes:
    """Return a key of 32 bytes for one purpose: HKDF-SHA256 (RFC 5869) without salt, its first block."""
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, purpose.encode() + b"\x01", hashlib.sha256)


def key_id(key: bytes) -> str:
    """Return a name for a key that says which it is, not what."""
    return hashlib.sha256(key).hexdigest()[:8]


def digest_of(secret: str) -> str:
    """Return what is stored of a secret that is long and random: its hash needs no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
