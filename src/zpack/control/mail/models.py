"""A mail, its states, and how long each kind is worth sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Outcome = Literal["sent", "refused", "given_up"]
PATIENCE = timedelta(days=2)
PATIENCE_OF = {
    "new_email": timedelta(minutes=45),
    "password_reset": timedelta(minutes=45),
    "verify_email": timedelta(hours=23),
}
"""What holds a link is not sent when the link is as good as dead."""
ATTEMPTS = 60
"""At most so many tries: a mail that ends the process each time must not do so for ever."""


@dataclass(frozen=True)
class Queued:
    """One claimed mail. ``attempts`` counts this try too and so names the claim."""

    id: str
    template: str
    recipient: str
    user_id: str | None
    facts: dict[str, Any]
    attempts: int
    road: str | None
    created_at: datetime

    @property
    def given_up_at(self) -> datetime:
        """Return when it is no longer worth sending."""
        return self.created_at + PATIENCE_OF.get(self.template, PATIENCE)

    @property
    def is_hopeless(self) -> bool:
        """Whether it was tried for long or often enough."""
        return self.attempts > ATTEMPTS or datetime.now(UTC) >= self.given_up_at


@dataclass(frozen=True)
class Letter:
    """What a person reads."""

    subject: str
    text: str
    html: str
