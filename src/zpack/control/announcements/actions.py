"""Shows announcements; lets administrators write, change and remove them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.announcements import store
from zpack.control.announcements.models import SHOWN, html_of
from zpack.control.audit.store import record
from zpack.control.db.tables import Announcement
from zpack.control.engine.errors import Refusal
from zpack.control.replays.actions import answered

if TYPE_CHECKING:
    from zpack.control.accounts.models import User
    from zpack.control.announcements.models import AnnouncementBody, AnnouncementsQuery
    from zpack.control.db.session import AsyncSession, Database


class AnnouncementMissing(Refusal):
    """There is no such announcement."""

    kind = "not_found"
    code = "announcement_not_found"


class Announcements:
    """What everybody is told."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def current(self) -> dict[str, Any]:
        """Return the newest that have not run out."""
        async with self._database.reading() as session:
            rows = await store.list_current(session, SHOWN)
        return {"announcements": [_view(row) for row in rows]}

    async def page(self, query: AnnouncementsQuery) -> dict[str, Any]:
        """Return a page of all there are, the newest first."""
        async with self._database.reading() as session:
            rows = await store.page(session, before=query.before, limit=query.limit)
        more = rows[-1].id if len(rows) == query.limit else None
        return {"announcements": [_view(row) for row in rows], "next": more}

    async def add(self, admin: User, body: AnnouncementBody, *, key: str | None) -> dict[str, Any]:
        """Tell everybody something, once. Raises BadKey, KeyReused, AnnouncementMissing."""
        row = Announcement(
            id=f"ann_{secrets.token_hex(12)}",
            title=_one_line(body.title),
            text=body.text,
            level=body.level,
            expires_at=body.expiresAt,
        )
        asked = {"announcement": body.model_dump(mode="json")}
        async with self._database.transaction() as session:
            told = await answered(session, owner=admin.id, key=key, asked=asked, result=row.id)
            if told is not None:
                return {"announcement": _view(await _found(session, told))}
            await store.add(session, row)
            record(session, "announcement.add", actor=admin.id, announcement=row.id, title=row.title)
        return {"announcement": _view(row)}

    async def change(self, admin: User, announcement_id: str, body: AnnouncementBody) -> dict[str, Any]:
        """Tell it otherwise. Raises AnnouncementMissing."""
        async with self._database.transaction() as session:
            row = await _found(session, announcement_id)
            row.title, row.text, row.level = _one_line(body.title), body.text, body.level
            row.expires_at, row.updated_at = body.expiresAt, datetime.now(UTC)
            record(session, "announcement.change", actor=admin.id, announcement=row.id, title=row.title)
        return {"announcement": _view(row)}

    async def remove(self, admin: User, announcement_id: str) -> dict[str, Any]:
        """Take it back. Raises AnnouncementMissing."""
        async with self._database.transaction() as session:
            if not await store.remove(session, announcement_id):
                raise AnnouncementMissing("There is no such announcement.")
            record(session, "announcement.remove", actor=admin.id, announcement=announcement_id)
        return {"ok": True}


async def _found(session: AsyncSession, announcement_id: str) -> Announcement:
    row = await store.find(session, announcement_id)
    if row is None:
        raise AnnouncementMissing("There is no such announcement.")
    return row


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _view(row: Announcement) -> dict[str, Any]:
    at = row.created_at.isoformat()
    return {
        "id": row.id,
        "title": row.title,
        "text": row.text,
        "content": html_of(row.text),
        "level": row.level,
        "created_at": at,
        "createdAt": at,
        "updatedAt": row.updated_at.isoformat(),
        "expiresAt": row.expires_at.isoformat() if row.expires_at else None,
    }
