"""Short transactions on PostgreSQL.

The outermost action opens a transaction and hands the session down; stores never commit, and nothing is
awaited over the network while one is open.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy.pool import QueuePool


def async_url(url: str) -> str:
    """Return the SQLAlchemy form of a libpq URL such as ``postgresql://user@host/name``."""
    scheme, found, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}" if found and scheme.startswith("postgres") else url


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Make the pool take another connection when PostgreSQL has closed this one, without asking it."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


class Database:
    """A pool of connections to one database."""

    def __init__(self, url: str, *, connections: int = 15) -> None:
        self._connections = connections
        self._engine = create_async_engine(async_url(url), pool_size=connections, max_overflow=0)
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = async_sessionmaker(alone, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """Yield a session; commit at the end, roll back when an exception leaves the block."""
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """Yield a session whose statements each stand alone: for single reads, at one round trip each."""
        async with self._readers() as session:
            yield session

    @asynccontextmanager
    async def advisory_lock(self, key: str) -> AsyncGenerator[bool]:
        """Hold a session-level advisory lock; yield False at once when another session has it.

        This keeps a connection, not a transaction, so a network call may be made while it is held.
        """
        async with self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            got = await connection.scalar(
                text("select pg_try_advisory_lock(hashtextextended(:key, 0))"), {"key": key}
            )
            try:
                yield bool(got)
            finally:
                if got:
                    await connection.execute(
                        text("select pg_advisory_unlock(hashtextextended(:key, 0))"), {"key": key}
                    )

    @property
    def pool(self) -> tuple[int, int]:
        """Return how many connections are in use, and how many there may be."""
        pool = cast("QueuePool", self._engine.sync_engine.pool)
        return pool.checkedout(), self._connections

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(text("select 1"))

    async def schema(self) -> tuple[str | None, float]:
        """Return the schema's revision (None: no schema) and the database's clock, in seconds."""
        async with self._engine.connect() as connection:
            clock = await connection.scalar(text("select extract(epoch from clock_timestamp())"))
            if await connection.scalar(text("select to_regclass('alembic_version')")) is None:
                return None, float(clock or 0)
            found = await connection.scalar(text("select version_num from alembic_version"))
            return found, float(clock or 0)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
