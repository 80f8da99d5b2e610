"""SQL of ``users``, ``login_sessions`` and ``refresh_tokens``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from zpack.control.accounts.models import User
from zpack.control.db.tables import LoginSession, RefreshToken
from zpack.control.db.tables import User as UserRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

REMEMBERED = timedelta(days=30)
"""For so long an ended session is kept: its address is known, its tokens are known to be old."""
RIGHTS = text(
    "select id, role from users where id = any(:ids) union all"
    " select id, '' from login_sessions where id = any(:sids) and revoked_at is null and expires_at > now()"
)
CALLER = text(
    "select u.id, u.email, u.username, u.display_name, u.first_name, u.last_name, u.role, u.email_verified,"
    " :sid = '' or exists (select 1 from login_sessions s where s.id = :sid and s.user_id = u.id"
    " and s.revoked_at is null and s.expires_at > now()) from users u where u.id = :id"
)


async def read_caller(session: AsyncSession, user_id: str, sid: str) -> tuple[User, bool] | None:
    """Return one user as rooms see callers, and whether the login session still is.

    Every request asks this, so it goes around the mapper and asks both at once.
    """
    row = (await session.execute(CALLER, {"id": user_id, "sid": sid})).one_or_none()
    return (User(*row[:-1]), row[-1]) if row is not None else None


async def find_by_id(session: AsyncSession, user_id: str) -> UserRow | None:
    """Return one user."""
    return await session.get(UserRow, user_id)


async def read_rights(
    session: AsyncSession, user_ids: Collection[str], sids: Collection[str]
) -> dict[str, str]:
    """Return the role of each of these users that exists, and an entry for each of these sessions that is."""
    rows = await session.execute(RIGHTS, {"ids": list(user_ids), "sids": list(sids)})
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
    locked = select(UserRow).where(UserRow.id == user_id).with_for_update(key_share=True)
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


async def change_email(session: AsyncSession, user_id: str, email: str) -> bool:
    """Give a user another, confirmed e-mail address; return False when it is taken."""
    try:
        async with session.begin_nested():
            await update_user(session, user_id, email=email, email_verified=True)
    except IntegrityError:
        return False
    return True


async def find_admin(session: AsyncSession) -> UserRow | None:
    """Return any admin, or None when the platform has none yet."""
    return await session.scalar(select(UserRow).where(UserRow.role == "admin").limit(1))


async def lock_admins(session: AsyncSession) -> set[str]:
    """Return the ids of all admins and keep others from changing them until the transaction ends."""
    await session.execute(text("select pg_advisory_xact_lock(hashtextextended('zpack admins', 0))"))
    return set((await session.scalars(select(UserRow.id).where(UserRow.role == "admin"))).all())


async def page_of_users(session: AsyncSession, *, like: str, after: str, limit: int) -> Sequence[UserRow]:
    """Return users by id, those after ``after`` whose e-mail address or user name contains ``like``."""
    pattern = "%" + like.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    wanted = select(UserRow).where(UserRow.id > after).order_by(UserRow.id).limit(limit)
    if like:
        wanted = wanted.where(or_(UserRow.email.ilike(pattern), UserRow.username.ilike(pattern)))
    return (await session.scalars(wanted)).all()


async def names_of(session: AsyncSession, user_ids: Collection[str]) -> dict[str, str]:
    """Return the user names of those of these accounts that exist."""
    if not user_ids:
        return {}
    rows = await session.execute(select(UserRow.id, UserRow.username).where(UserRow.id.in_(user_ids)))
    return {row[0]: row[1] for row in rows}


def seen(row: UserRow) -> User:
    """Return the caller's view of a row."""
    return User(
        id=row.id,
        email=row.email,
        username=row.username,
        display_name=row.display_name,
        first_name=row.first_name,
        last_name=row.last_name,
        role=row.role,
        email_verified=row.email_verified,
    )


async def insert_session(session: AsyncSession, **values: Any) -> None:
    """Insert a login session."""
    await session.execute(insert(LoginSession).values(**values))


async def live_sessions(session: AsyncSession, user_id: str) -> Sequence[LoginSession]:
    """Return the live sessions of a user, the last used first."""
    found = select(LoginSession).where(LoginSession.user_id == user_id, *_live())
    return (await session.scalars(found.order_by(LoginSession.last_used_at.desc(), LoginSession.id))).all()


async def addresses_of(session: AsyncSession, user_id: str | None) -> Sequence[str]:
    """Return the addresses a user has lately been logged in from."""
    found = select(LoginSession.address).where(LoginSession.user_id == (user_id or "")).distinct().limit(200)
    return (await session.scalars(found)).all()


async def lock_session(session: AsyncSession, sid: str) -> LoginSession | None:
    """Return a live session that nobody else changes until the transaction ends."""
    return await session.scalar(
        select(LoginSession).where(LoginSession.id == sid, *_live()).with_for_update()
    )


async def revoke_sessions(
    session: AsyncSession, user_id: str, *, keep: str | None = None, only: Collection[str] | None = None
) -> int:
    """Revoke the live sessions of a user, all but one or only some; return how many."""
    meant = [
        LoginSession.user_id == user_id,
        LoginSession.id != (keep or ""),
        LoginSession.revoked_at.is_(None),
    ]
    if only is not None:
        meant.append(LoginSession.id.in_(only))
    ended = update(LoginSession).where(*meant).values(revoked_at=func.now()).returning(LoginSession.id)
    return len((await session.scalars(ended)).all())


async def insert_refresh_token(session: AsyncSession, *, digest: str, sid: str, generation: int) -> None:
    """Keep a refresh token's hash, and forget those of generations before the last."""
    values = {"digest": digest, "session_id": sid, "generation": generation}
    await session.execute(insert(RefreshToken).values(**values))
    old = (RefreshToken.session_id == sid, RefreshToken.generation < generation - 1)
    await session.execute(delete(RefreshToken).where(*old))


async def generation_of(session: AsyncSession, digest: str) -> int | None:
    """Return the generation of a refresh token, or None when it is long past."""
    return await session.scalar(select(RefreshToken.generation).where(RefreshToken.digest == digest))


async def forget_sessions(session: AsyncSession, *, most: int) -> int:
    """Delete sessions that ended long ago; return how many."""
    past = datetime.now(UTC) - REMEMBERED
    old = select(LoginSession.id).where(or_(LoginSession.expires_at < past, LoginSession.revoked_at < past))
    gone = delete(LoginSession).where(LoginSession.id.in_(old.limit(most))).returning(LoginSession.id)
    return len((await session.scalars(gone)).all())


def _live() -> tuple[Any, ...]:
    return (LoginSession.revoked_at.is_(None), LoginSession.expires_at > func.now())
