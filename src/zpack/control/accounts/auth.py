"""Access tokens (contract §10.1): one fixed algorithm, an issuer, an audience per kind of token."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import jwt

from zpack.control.engine.errors import Refusal

if TYPE_CHECKING:
    from zpack.control.accounts.models import User

ALGORITHM = "HS256"
ISSUER = "zpack"
ACCESS = "zpack:access"
REQUIRED = ["exp", "iat", "sub", "iss", "aud"]
TOKEN_LIMIT = 4096


class MissingToken(Refusal):
    """No bearer token was sent."""

    kind = "unauthorized"
    code = "Missing authorization token"


class BadToken(Refusal):
    """The bearer token is not one of ours, or no longer."""

    kind = "unauthorized"
    code = "Invalid or expired token"


class AccessTokens:
    """Issues and verifies access tokens. ``life`` is how long one is good."""

    def __init__(self, *, secret: str, life: timedelta) -> None:
        self._secret = secret
        self._kid = hashlib.sha256(secret.encode()).hexdigest()[:8]  # says which key, not what it is
        self.life = life

    def issue(self, user: User) -> str:
        """Return a signed token for a user."""
        now = datetime.now(UTC)
        claims = {
            "sub": user.id,
            "email": user.email,
            "username": user.username,
            "displayName": user.display_name,
            "scopes": ["*"],
            "iss": ISSUER,
            "aud": ACCESS,
            "iat": now,
            "exp": now + self.life,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM, headers={"kid": self._kid})

    def subject(self, authorization: str | None) -> tuple[str, float]:
        """Return the user id of an ``Authorization`` header and the token's end, in seconds since 1970.

        Raises MissingToken, BadToken.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise MissingToken("Send an access token: Authorization: Bearer <token>.")
        if len(token) > TOKEN_LIMIT:
            raise BadToken("The access token is not valid.")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=ACCESS,
                options={"require": REQUIRED},
            )
        except (jwt.PyJWTError, ValueError) as failure:
            raise BadToken("The access token is not valid or has expired; log in again.") from failure
        return str(claims["sub"]), float(claims["exp"])
