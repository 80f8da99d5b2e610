"""What a request may say about a key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from zpack.control.accounts.models import Body

Scope = Literal[
    "*", "account", "backups", "billing", "console", "files", "mods", "servers:read", "servers:write"
]
KeyName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class KeyBody(Body):
    """``POST /api/auth/keys``."""

    name: KeyName
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    expiresAt: AwareDatetime | None = None  # noqa: N815 - the wire's spelling

    def is_past(self, now: datetime) -> bool:
        """Whether it would have ended before it began."""
        return self.expiresAt is not None and self.expiresAt <= now
