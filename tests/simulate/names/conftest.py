"""Both simulations behind real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zpack.simulate.cloudflare.app import BASE, Account
from zpack.simulate.serving import listen, served
from zpack.simulate.technitium.app import Server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

ZONE, TOKEN = "example.org", "a-token-of-the-simulation"


@pytest.fixture
def account() -> Account:
    return Account([ZONE, "example.net"], token=TOKEN)


@pytest.fixture
async def cloudflare(account: Account) -> AsyncGenerator[str]:
    """Base URL of the API."""
    async with served(account.app(), listen("127.0.0.1", 0)) as base:
        yield base + BASE


@pytest.fixture
def server() -> Server:
    return Server([ZONE], token=TOKEN)


@pytest.fixture
async def technitium(server: Server) -> AsyncGenerator[str]:
    """Base URL, without its ``/api``."""
    async with served(server.app(), listen("127.0.0.1", 0)) as base:
        yield base
