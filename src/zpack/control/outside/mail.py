"""What every road of mail has in common: what it carries, and the four ways in which it may not arrive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from datetime import datetime

Verdict = Literal["elsewhere", "later", "never", "unknown"]
"""
elsewhere   this road does not work; the next one may
later       the recipient's server asks for patience: the same road, some time from now
never       the recipient does not exist or does not want it
unknown     the mail may have been taken: the same road again, which can tell it from a new one
"""
ADDRESS = re.compile(r"\S*@\S*")
COMPLAINT_LIMIT = 200


class NotDelivered(ForeignError):
    """A road did not take a mail, or did not say so. The message has no mail addresses."""

    def __init__(self, message: str, verdict: Verdict) -> None:
        cut = ADDRESS.sub("…", " ".join(message.split()))[:COMPLAINT_LIMIT]
        super().__init__(cut, transient=verdict != "never", timed_out=verdict == "unknown")
        self.verdict: Verdict = verdict


@dataclass(frozen=True)
class Mail:
    """One mail to one person; ``id`` stays the same from try to try."""

    id: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    created_at: datetime
    reply_to: str | None = None
    """Whom an answer goes to, instead of the sender."""


class Road(Protocol):
    """A way for mail to leave."""

    name: ClassVar[str]

    async def send(self, mail: Mail) -> None:
        """Return when it was taken. Raises NotDelivered."""
        ...

    async def check(self) -> None:
        """Raise ForeignError when this road would take nothing."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
