"""A database that a test gave back holds what a new one holds, whatever the test did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.support.databases import Databases

LOOK = (
    "select count(*) from users",
    "select count(*) from login_sessions",
    "select md5(string_agg(s::text, ',' order by shard)) from work_shards s",
    "select md5(string_agg(p::text, ',' order by id)) from plans p",
    "select last_value, is_called from audit_log_id_seq",
    "select count(*) from pg_attribute",
)
ANN = "insert into users (id, email, username, password_hash, role) values ('u', 'a@b.c', 'ann', 'x', 'user')"
SESSION = "insert into login_sessions (id, user_id, address, user_agent, expires_at) values ('s', 'u', '', '', now())"
CHANGES = {
    "rows": ANN,
    "rows that refer to rows": f"{ANN}; {SESSION}",
    "rows that were there": "update work_shards set expires_at = now(); delete from plans",
    "a sequence": "select nextval('audit_log_id_seq')",
    "a column": "alter table users add column shoe_size integer",
    "a table": "create table shoes (size integer)",
    "no table": "drop table users cascade",
}


def seen(url: str) -> list[object]:
    with psycopg.connect(url) as connection:
        return [connection.execute(query).fetchone() for query in LOOK]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_was_done_to_it_the_next_is_as_new(databases: Databases, change: str) -> None:
    with databases.lent() as url:
        new = seen(url)
        with psycopg.connect(url) as connection:
            connection.execute(change)
    with databases.lent() as url:
        assert seen(url) == new


def test_rows_alone_are_taken_out_and_the_database_is_kept(databases: Databases) -> None:
    with databases.lent() as url, psycopg.connect(url) as connection:
        connection.execute(ANN)
    with databases.lent() as again:
        assert again == url


def test_who_is_still_connected_is_cut_off_and_changes_nothing(databases: Databases) -> None:
    with databases.lent() as url:
        late = psycopg.connect(url)
        late.execute(ANN)
    with pytest.raises(psycopg.OperationalError):
        late.commit()
    late.close()
    with databases.lent() as again:
        assert seen(again)[0] == (0,)


def test_two_that_are_lent_at_once_are_two(databases: Databases) -> None:
    with databases.lent() as one, databases.lent() as other:
        assert one != other
