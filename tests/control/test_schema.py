"""The migrations make the tables that the code says, and can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.postgres import fresh_database
from zpack.control.db.migrations import differences, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def empty(server_url: str) -> Iterator[str]:
    with fresh_database(server_url) as url:
        yield url


@pytest.mark.seed("S5")
def test_the_schema_and_the_migrations_agree(empty: str) -> None:
    migrate(empty)
    migrate(empty)
    assert differences(empty) is None
