"""Dumps and restores the database with PostgreSQL's own programs, each in one transaction."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from zpack.allinone.postgres import binaries
from zpack.control.db import migrations

LOCK_SECONDS = 30
"""A platform that still runs holds locks: then nothing is changed."""
NEWER_THAN_16 = "SET transaction_timeout = 0;"
"""Written by newer pg_dumps, understood by servers from 17 on."""
EMPTIED = """
drop schema if exists dbos cascade;
drop schema public cascade;
create schema public;
"""


class DatabaseFailed(Exception):
    """A program of PostgreSQL failed; the text is what it said last, without the URL."""


class NoPlatform(Exception):
    """There is nothing to back up."""


class NotEmpty(Exception):
    """The target holds a platform already."""


def facts(url: str) -> dict[str, Any]:
    """Return what the manifest says of a database: its schema's revision and the server's version."""
    with psycopg.connect(url, autocommit=True) as connection:
        version = connection.info.server_version
        revision = connection.execute("select version_num from alembic_version").fetchone()
    return {"revision": revision[0] if revision else None, "postgres": version}


def known_revisions() -> set[str]:
    """Return the schema revisions that this program can migrate from."""
    folder = Path(migrations.__file__).parent / "versions"
    return {path.name.partition("_")[0] for path in folder.glob("[0-9]*.py")}


def dump(url: str, target: Path) -> None:
    """Write a consistent dump: pg_dump reads everything in one snapshot. Raises DatabaseFailed."""
    _run("pg_dump", "--no-owner", "--no-privileges", "--file", str(target), "--dbname", url)


def check_empty(url: str) -> None:
    """Raise NotEmpty when there are tables."""
    query = "select count(*) from pg_tables where schemaname in ('public', 'dbos')"
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        if row and row[0]:
            raise NotEmpty(f"the database has {row[0]} tables; --force replaces them")


def restore(url: str, source: Path) -> None:
    """Replace everything by the dump, or nothing at all; then migrate up. Raises DatabaseFailed."""
    with psycopg.connect(url, autocommit=True) as connection:
        version = connection.info.server_version
    if version < 170000:  # noqa: PLR2004 - PostgreSQL 17
        source.write_text(source.read_text().replace(NEWER_THAN_16, "", 1))
    emptied = source.with_name("emptied.sql")
    emptied.write_text(EMPTIED)
    words = ["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1"]
    _run("psql", *words, "--file", str(emptied), "--file", str(source), "--dbname", url)
    migrations.migrate(url)


def _run(program: str, *words: str) -> None:
    command = [str(binaries() / program), *words]
    environment = {**os.environ, "PGOPTIONS": f"-c lock_timeout={LOCK_SECONDS}s"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-3:]
        raise DatabaseFailed(
            f"{program} failed: {' | '.join(said)[-500:]}".replace(words[-1], "DATABASE_URL")
        )
