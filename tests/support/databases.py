"""Databases for tests, lent and taken back: making one like new takes a fifth of what a copy takes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from dbos import DBOS

from tests.support.postgres import create_database, drop_database, migrated_template, with_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

TABLES = """
select format('%I.%I', schemaname, tablename) from pg_tables
where schemaname not in ('pg_catalog', 'information_schema') order by 1
"""
SEQUENCES = """
select format('%I.%I', schemaname, sequencename), start_value, last_value from pg_sequences order by 1
"""
OTHERS = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
CATALOGS = (
    "attrdef", "attribute", "class", "constraint", "extension", "index", "namespace", "proc", "rewrite", "trigger",
    "type",
)  # fmt: skip
SCHEMA = f"""
select {", ".join(f"(select (count(*), sum(xmin::text::bigint))::text from pg_{name})" for name in CATALOGS)},
  (select count(*) from pg_db_role_setting join pg_database d on d.oid = setdatabase
   where d.datname = current_database())
"""
"""Every change of a schema is a row of a catalog, written by a transaction of a number of its own."""
LARGE = 1 << 20
"""Bytes of a table whose dead rows would slow the next test."""
END_SECONDS = 10.0


@dataclass(frozen=True)
class Original:
    """What a database of the template holds: its schema, its sequences, and the tables that are not empty."""

    schema: Any
    sequences: list[Any]
    empty: list[str]
    given: dict[str, bytes]

    @classmethod
    def of(cls, url: str) -> Original:
        with psycopg.connect(url, autocommit=True) as connection:
            rows = {table: _rows(connection, table) for (table,) in connection.execute(TABLES).fetchall()}
            return cls(
                schema=connection.execute(SCHEMA).fetchone(),
                sequences=connection.execute(SEQUENCES).fetchall(),
                empty=[table for table, found in rows.items() if not found],
                given={table: found for table, found in rows.items() if found},
            )

    def restored(self, url: str) -> bool:
        """Make the database at ``url`` hold this again. False: it was changed too much, and must go."""
        with psycopg.connect(url, autocommit=True) as connection:
            if not _alone(connection) or connection.execute(SCHEMA).fetchone() != self.schema:
                return False
            changed = self._changed(connection)
            with connection.transaction():
                connection.execute("set local session_replication_role = replica")
                for table in changed:
                    self._restore(connection, table)
            self._wind_back(connection)
            return not any(_size(connection, table) > LARGE for table in changed)

    def _changed(self, connection: Connection) -> list[str]:
        filled = ", ".join(f"exists (select from {table})" for table in self.empty)
        [found] = connection.execute(f"select {filled}").fetchall()
        changed = [table for table, has_rows in zip(self.empty, found, strict=True) if has_rows]
        return changed + [table for table, rows in self.given.items() if _rows(connection, table) != rows]

    def _restore(self, connection: Connection, table: str) -> None:
        connection.execute(f"delete from {table}")
        if table in self.given:
            with connection.cursor().copy(f"copy {table} from stdin") as copy:
                copy.write(self.given[table])

    def _wind_back(self, connection: Connection) -> None:
        now = connection.execute(SEQUENCES).fetchall()
        for name, start, last in (row for row in self.sequences if row not in now):
            connection.execute("select setval(%s, %s, %s)", [name, last or start, last is not None])


class Databases:
    """Lends databases of the newest schema; each holds what a new one holds when it is lent."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._template = migrated_template(url)
        DBOS.migrate(with_name(url, self._template))  # else each worker's first start would, for a second
        self._original = Original.of(with_name(url, self._template))
        self._idle: list[str] = []

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Yield the URL of a database that is nobody else's meanwhile; who is still connected then is cut off."""
        name = self._idle.pop() if self._idle else create_database(self._url, self._template)
        url = with_name(self._url, name)
        try:
            yield url
        finally:
            if self._original.restored(url):
                self._idle.append(name)
            else:
                drop_database(self._url, name)


def _rows(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(f"copy {table} to stdout") as copy:
        return b"".join(sorted(b"".join(copy).splitlines(keepends=True)))


def _size(connection: Connection, table: str) -> int:
    [(size,)] = connection.execute("select pg_total_relation_size(%s)", [table]).fetchall()
    return size


def _alone(connection: Connection) -> bool:
    """Cut off whoever is connected besides; say whether they went."""
    deadline = time.monotonic() + END_SECONDS
    while connection.execute(f"select pg_terminate_backend(pid) {OTHERS}").fetchall():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True
