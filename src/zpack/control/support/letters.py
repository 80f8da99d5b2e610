"""The mails of a ticket: the operator hears of what customers write, customers of what staff write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.control.mail.store import queue

if TYPE_CHECKING:
    from zpack.control.db.session import AsyncSession
    from zpack.control.db.tables import SupportTicket


@dataclass(frozen=True)
class SupportLetters:
    """Queues them in the caller's transaction. Without an ``address`` the operator gets none."""

    address: str | None
    portal: str

    async def to_staff(self, session: AsyncSession, ticket: SupportTicket, key: int, text: str) -> None:
        """Tell the operator of a question; an answer to the mail goes to whoever asked."""
        if self.address is None:
            return
        facts = {
            "ticket": ticket.id,
            "subject_line": ticket.subject,
            "name": ticket.name,
            "reply_to": ticket.email,
            "text": text,
            "link": f"{self.portal}/support?ticket={ticket.id}",
        }
        await queue(session, "support_question", to=self.address, user_id=None, key=f"support:{key}", **facts)

    async def to_customer(
        self, session: AsyncSession, ticket: SupportTicket, key: int, text: str, *, to: str
    ) -> None:
        """Tell a customer of an answer; one without an account answers by mail."""
        link = f"{self.portal}/support?ticket={ticket.id}" if ticket.user_id else None
        facts = {
            "subject_line": ticket.subject,
            "name": ticket.name,
            "reply_to": self.address,
            "text": text,
            "link": link,
        }
        await queue(session, "support_answer", to=to, user_id=ticket.user_id, key=f"support:{key}", **facts)
