"""One link after the other, and names that no other test has."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.control.publishing.names import sides
from tests.support.dns import DnsServer, running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from zpack.control.publishing.models import Place

VMIDS = itertools.count(5000)


@pytest.fixture(scope="module")
def knotd(tmp_path_factory: pytest.TempPathFactory) -> Generator[DnsServer]:
    with running("knotd", tmp_path_factory.mktemp("knotd")) as server:
        yield server


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Generator[DnsServer]:
    with running("named", tmp_path_factory.mktemp("named")) as server:
        yield server


@pytest.fixture
def place() -> Callable[..., Place]:
    """Make places; no two tests of one server share a name."""
    return lambda game="minecraft", *ports: sides.place(next(VMIDS), game, *ports)


@pytest.fixture(params=["cloudflare", "technitium", "knotd", "named"])
async def side(request: pytest.FixtureRequest) -> AsyncGenerator[sides.Side]:
    """A link with its other end."""
    if request.param == "cloudflare":
        async with sides.cloudflare() as one:
            yield one
    elif request.param == "technitium":
        async with sides.technitium() as two:
            yield two
    else:
        async with sides.rfc2136(request.getfixturevalue(request.param)) as three:
            yield three
