"""Tickets: asked by anybody, read and answered by their owners and by administrators."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.accounts import store as accounts
from zpack.control.accounts.actions import MissingFields
from zpack.control.accounts.fields import checked_email
from zpack.control.audit.store import record
from zpack.control.db.tables import SupportTicket
from zpack.control.engine.changes import Change
from zpack.control.engine.errors import Refusal
from zpack.control.engine.limits import network_of
from zpack.control.replays.actions import answered
from zpack.control.support import store
from zpack.control.support.models import MESSAGES_MAX, NAME_MAX, one_line

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.db.session import AsyncSession, Database
    from zpack.control.db.tables import SupportMessage
    from zpack.control.engine.changes import Changes
    from zpack.control.engine.limits import RateLimit
    from zpack.control.support.letters import SupportLetters
    from zpack.control.support.models import MessageBody, OwnTicketsQuery, TicketBody, TicketsQuery


class TicketMissing(Refusal):
    """No such ticket, or not the caller's: the same answer."""

    kind = "not_found"
    code = "ticket_not_found"


class TicketFull(Refusal):
    """A ticket has so many messages that another one belongs into a new ticket."""

    kind = "conflict"
    code = "ticket_full"


class Support:
    """Questions and answers."""

    def __init__(
        self, *, database: Database, limit: RateLimit, letters: SupportLetters, changes: Changes
    ) -> None:
        self._database = database
        self._limit = limit
        self._letters = letters
        self._changes = changes

    async def create(
        self, user: User | None, body: TicketBody, *, address: str, key: str | None
    ) -> dict[str, Any]:
        """Ask something. Raises MissingFields, InvalidField, TooManyTries, BadKey, KeyReused."""
        subject = one_line(body.subject)
        name, email = _asker(user, body)
        if not (name and subject):
            raise MissingFields("Send name, email, subject and message.")
        await self._limit.hit("support", user.id if user else network_of(address))
        await self._limit.hit("support-address", network_of(address))
        ticket = SupportTicket(
            id=f"tkt_{secrets.token_hex(12)}",
            user_id=user.id if user else None,
            name=name,
            email=email,
            subject=subject,
            status="open",
        )
        asked = {"ticket": body.model_dump(mode="json")}
        async with self._database.transaction() as session:
            known = await answered(session, owner=ticket.user_id, key=key, asked=asked, result=ticket.id)
            if known is not None:
                return await _told(session, known)
            await store.add_ticket(session, ticket)
            await self._said(session, ticket, user, body.message, staff=False)
            record(session, "support.create", actor=ticket.user_id, ticket=ticket.id)
        await self._tell(ticket)
        return {"ok": True, "ticket": _view(ticket, 1)}

    async def own(self, user: User, query: OwnTicketsQuery) -> dict[str, Any]:
        """Return a page of the caller's tickets, the newest first."""
        return await self._page(query, user_id=user.id, status=None)

    async def all(self, query: TicketsQuery) -> dict[str, Any]:
        """Return a page of everybody's tickets, the newest first."""
        return await self._page(query, user_id=None, status=query.status)

    async def one(self, user: User, ticket_id: str) -> dict[str, Any]:
        """Return a ticket with its messages. Raises TicketMissing."""
        async with self._database.transaction() as session:
            ticket = _seen_by(user, await store.find(session, ticket_id))
            return await _whole(session, ticket)

    async def write(
        self, user: User, ticket_id: str, body: MessageBody, *, key: str | None
    ) -> dict[str, Any]:
        """Add a message, which opens the ticket again; an administrator's answers it.

        Raises TicketMissing, TicketFull, TooManyTries, BadKey, KeyReused.
        """
        await self._limit.hit("support-message", user.id)
        async with self._database.transaction() as session:
            ticket = _seen_by(user, await store.find(session, ticket_id, lock=True))
            asked = {"to": ticket.id, **body.model_dump(mode="json")}
            if await answered(session, owner=user.id, key=key, asked=asked, result=ticket.id) is not None:
                return await _whole(session, ticket)
            if await store.count_messages(session, ticket.id) >= MESSAGES_MAX:
                raise TicketFull("This ticket is full; ask in a new one.")
            ticket.status = "answered" if user.is_admin else "open"
            ticket.updated_at = datetime.now(UTC)
            await self._said(session, ticket, user, body.message, staff=user.is_admin)
            record(session, "support.message", actor=user.id, ticket=ticket.id)
            found = await _whole(session, ticket)
        await self._tell(ticket)
        return found

    async def close(self, user: User, ticket_id: str) -> dict[str, Any]:
        """Close a ticket; closing a closed one changes nothing. Raises TicketMissing."""
        async with self._database.transaction() as session:
            ticket = _seen_by(user, await store.find(session, ticket_id, lock=True))
            if ticket.status != "closed":
                ticket.status, ticket.updated_at = "closed", datetime.now(UTC)
                record(session, "support.close", actor=user.id, ticket=ticket.id)
            found = await _whole(session, ticket)
        await self._tell(ticket)
        return found

    async def _tell(self, ticket: SupportTicket) -> None:
        await self._changes.tell(Change("ticket", ticket.id, ticket.user_id))

    async def _page(
        self, query: OwnTicketsQuery, *, user_id: str | None, status: str | None
    ) -> dict[str, Any]:
        async with self._database.reading() as session:
            rows = await store.page(
                session, user_id=user_id, status=status, before=query.before, limit=query.limit
            )
        more = rows[-1][0].id if len(rows) == query.limit else None
        return {"tickets": [_view(row, count) for row, count in rows], "next": more}

    async def _said(
        self, session: AsyncSession, ticket: SupportTicket, user: User | None, text: str, *, staff: bool
    ) -> None:
        """Write a message down, and tell the other side of it."""
        key = await store.add_message(
            session,
            ticket_id=ticket.id,
            author="staff" if staff else "customer",
            user_id=user.id if user else None,
            name=_name_of(user) if staff and user else ticket.name,
            text=text,
        )
        if staff:
            to = await _address_of(session, ticket)
            await self._letters.to_customer(session, ticket, key, text, to=to)
        else:
            await self._letters.to_staff(session, ticket, key, text)


def _asker(user: User | None, body: TicketBody) -> tuple[str, str]:
    """Return name and address of who asks. Raises MissingFields, InvalidField."""
    name = one_line(body.name)
    if user is not None:
        return name or _name_of(user), user.email
    if not body.email:
        raise MissingFields("Send name, email, subject and message.")
    return name, checked_email(body.email)


def _name_of(user: User) -> str:
    return one_line(user.display_name or user.username)[:NAME_MAX]


async def _address_of(session: AsyncSession, ticket: SupportTicket) -> str:
    """Return where an answer goes: an account's address of today, else the one that was given."""
    user = await accounts.find_by_id(session, ticket.user_id) if ticket.user_id else None
    return user.email if user else ticket.email


def _seen_by(user: User, ticket: SupportTicket | None) -> SupportTicket:
    if ticket is None or not (user.is_admin or ticket.user_id == user.id):
        raise TicketMissing("There is no such ticket.")
    return ticket


async def _told(session: AsyncSession, ticket_id: str) -> dict[str, Any]:
    """Return the answer to who asked a question again. Raises TicketMissing."""
    ticket = await store.find(session, ticket_id)
    if ticket is None:
        raise TicketMissing("There is no such ticket.")
    return {"ok": True, "ticket": _view(ticket, await store.count_messages(session, ticket.id))}


async def _whole(session: AsyncSession, ticket: SupportTicket) -> dict[str, Any]:
    messages = [_message(row) for row in await store.messages_of(session, ticket.id)]
    return {"ticket": {**_view(ticket, len(messages)), "messages": messages}}


def _view(row: SupportTicket, messages: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "subject": row.subject,
        "status": row.status,
        "name": row.name,
        "email": row.email,
        "userId": row.user_id,
        "createdAt": row.created_at.isoformat(),
        "updatedAt": row.updated_at.isoformat(),
        "messages": messages,
    }


def _message(row: SupportMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "author": row.author,
        "name": row.name,
        "text": row.text,
        "createdAt": row.created_at.isoformat(),
    }
