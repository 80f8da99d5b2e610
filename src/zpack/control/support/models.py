"""What a request to support may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from zpack.control.accounts.models import Body

NAME_MAX, SUBJECT_MAX, MESSAGE_MAX = 100, 200, 10_000
MESSAGES_MAX = 200
"""Of one ticket."""
PAGE, PAGE_MAX = 50, 200
Status = Literal["open", "answered", "closed"]
Message = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MESSAGE_MAX)]
Place = Annotated[str, StringConstraints(max_length=100)]


class TicketBody(Body):
    """``POST /api/support/create``: with an account, name and address are the account's."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=NAME_MAX)] = ""
    email: Annotated[str, StringConstraints(strip_whitespace=True, max_length=254)] = ""
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=SUBJECT_MAX)]
    message: Message


class MessageBody(Body):
    """``POST /api/support/tickets/{ticket_id}/messages``."""

    message: Message


class OwnTicketsQuery(Body):
    """``GET /api/support/tickets``: ``before`` is the ``next`` of the page that was shown last."""

    before: Place | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE


class TicketsQuery(OwnTicketsQuery):
    """``GET /api/admin/support/tickets``."""

    status: Status | None = None


def one_line(text: str) -> str:
    """Return a text without line breaks and what else cannot be seen: it becomes the head of a mail."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
