"""Where mail goes on a machine that can send none: into the operator's log, links and all (row S77)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from zpack.control.outside.mail import Mail

log = logging.getLogger("zpack.mail")


class ConsoleRoad:
    """For local development: taken only when neither SMTP nor Resend is set."""

    name: ClassVar[str] = "console"

    async def send(self, mail: Mail) -> None:
        """Print a mail."""
        log.warning(
            "NO MAIL IS SENT: neither SMTP_HOST nor RESEND_API_KEY is set. To %s: %s\n%s",
            mail.recipient,
            mail.subject,
            mail.text.strip(),
        )

    async def check(self) -> None:
        """The log is always there."""

    async def close(self) -> None:
        """Nothing is open."""
