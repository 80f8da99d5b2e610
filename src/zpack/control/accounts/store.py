"""SQL of ``users``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.accounts.models import User
from zpack.control.db.tables import LoginSession
from zpack.control.db.tables import User as UserRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

ROLES = text("select id, role from users where id = any(:ids)")


CALLER = text(
    "select id, email, username, display_name, first_name, last_name, role, email_verified"
    " from users where id = :id"
)


async def read_caller(session: AsyncSession, user_id: str) -> User | None:
    """Return one user as rooms see callers. Every request asks this, so it goes around the mapper."""
    row = (await session.execute(CALLER, {"id": user_id})).one_or_none()
    return User(*row) if row is not None else None


async def find_by_id(session: AsyncSession, user_id: str) -> UserRow | None:
    """Return one user."""
    return await session.get(UserRow, user_id)


async def roles_of(session: AsyncSession, user_ids: Collection[str]) -> dict[str, str]:
    """Return the role of each of these users that exists."""
    rows = await session.execute(ROLES, {"ids": list(user_ids)})
    return {row[0]: row[1] for row in rows}


async def find_by_identifier(session: AsyncSession, identifier: str) -> UserRow | None:
    """Return the user with this e-mail address or user name, whatever its case."""
    word = identifier.lower()
    return await session.scalar(
        select(UserRow).where(or_(func.lower(UserRow.email) == word, func.lower(UserRow.username) == word))
    )


async def find_by_email(session: AsyncSession, email: str) -> UserRow | None:
    """Return the user with this e-mail address, whatever its case."""
    return await session.scalar(select(UserRow).where(func.lower(UserRow.email) == func.lower(email)))


async def lock_user(session: AsyncSession, user_id: str) -> UserRow | None:
    """Return one user as it is now; nobody else changes it before the transaction ends."""
    locked = select(UserRow).where(UserRow.id == user_id).with_for_update()
    return await session.scalar(locked.execution_options(populate_existing=True))


async def insert_user(session: AsyncSession, **values: Any) -> bool:
    """Insert a user; return False when the e-mail address or user name is taken."""
    row = insert(UserRow).values(**values).on_conflict_do_nothing().returning(UserRow.id)
    return (await session.scalar(row)) is not None


async def update_user(session: AsyncSession, user_id: str, **values: Any) -> None:
    """Change the given columns of a user."""
    await session.execute(
        update(UserRow).where(UserRow.id == user_id).values(**values, updated_at=datetime.now(UTC))
    )


async def find_admin(session: AsyncSession) -> UserRow | None:
    """Return any admin, or None when the platform has none yet."""
    return await session.scalar(select(UserRow).where(UserRow.role == "admin").limit(1))


async def revoke_sessions(session: AsyncSession, user_id: str, *, keep: str | None = None) -> int:
    """Revoke the live sessions of a user but one; return how many."""
    live = (
        LoginSession.user_id == user_id,
        LoginSession.revoked_at.is_(None),
        LoginSession.id != (keep or ""),
    )
    ended = update(LoginSession).where(*live).values(revoked_at=func.now()).returning(LoginSession.id)
    return len((await session.scalars(ended)).all())
