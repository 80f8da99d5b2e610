"""One embedded PostgreSQL for a test session, and fresh databases in it; and where Debian's own is."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from zpack.allinone.postgres import EmbeddedPostgres
from zpack.control.db.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator


DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")
ROOM = 1 << 30
"""Bytes that a server's files stay far below."""


def debian_postgres() -> Path:
    """Return the folder of the newest PostgreSQL that Debian installed. Skips the test where there is none."""
    found = [one.parent for one in DEBIAN.glob("*/bin/postgres") if (one.parent / "initdb").exists()]
    if not found:
        assert "CI" not in os.environ, "CI must run Debian's PostgreSQL, but this machine has none"
        pytest.skip("no PostgreSQL here: Debian's postgresql is not installed")
    return max(found, key=lambda folder: int(folder.parent.name))


def in_memory() -> Path | None:
    """Return a folder in memory for a server that is gone with its tests; None: there is no room, use the disk."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM else None


@contextmanager
def postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Run a server in ``folder``; yield its URL. Unless ``durable`` it flushes nothing, and keeps little journal."""
    server = EmbeddedPostgres(folder=folder / "pg", log=folder / "postgres.log")
    server.start_now()
    url = server.url_of("postgres")
    try:
        if not durable:
            _flush_nothing(url)
        yield url
    finally:
        server.stop_now()


def _flush_nothing(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"alter system set {name} = off")  # type: ignore[arg-type]
        connection.execute("alter system set max_wal_size = '64MB'")
        connection.execute("select pg_reload_conf()")


@contextmanager
def fresh_database(url: str, template: str | None = None) -> Iterator[str]:
    """Make an empty or copied database; drop it afterwards. Yields its URL."""
    name = create_database(url, template)
    try:
        yield with_name(url, name)
    finally:
        drop_database(url, name)


def create_database(url: str, template: str | None = None) -> str:
    """Make an empty or copied database; return its name."""
    name = f"t_{secrets.token_hex(6)}"
    source = f" template {template}" if template else ""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}{source}")  # type: ignore[arg-type]
    return name


def drop_database(url: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")  # type: ignore[arg-type]


def migrated_template(url: str) -> str:
    """Make a migrated database to copy from; return its name."""
    name = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}")  # type: ignore[arg-type]
    migrate(with_name(url, name))
    return name


def with_name(url: str, name: str) -> str:
    """Return a server's URL with another database name."""
    return url.replace("/postgres?", f"/{name}?")
