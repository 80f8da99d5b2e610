"""SQL of ``users``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from zpack.control.db.tables import User as UserRow

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncSession

ROLES = text("select id, role from users where id = any(:ids)")


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
