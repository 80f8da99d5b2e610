"""A real API with the real portal, on a real PostgreSQL; visitors come over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.control.conftest import (  # noqa: F401 - fixtures are taken by their names
    anyone,
    api,
    clients,
    database,
    database_url,
    databases,
    proxies,
    served,
    server_url,
    settings,
)
from tests.support.ports import free_port
from tests.support.visitor import Visitor
from zpack.control.app import create_app
from zpack.portal.app import build_portal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.http import Caller
    from zpack.control.wiring import Api

ADMIN_PASSWORD = "an admin password"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def extra(port: int) -> dict[str, Any]:
    """Override with ``def extra(extra)`` to point at real counterparts."""
    return {"portal_url": f"http://localhost:{port}"}


@pytest.fixture
async def base_url(api: Api, proxies: str, port: int) -> AsyncIterator[str]:  # noqa: F811
    async def ready() -> dict[str, str]:
        return {}

    site = build_portal(f"http://localhost:{port}")
    app = create_app(api, ready=ready, cors_origins=(), site=site)
    async with served(app, proxies=proxies, port=port) as url:
        yield url


@pytest.fixture
def portal_url(base_url: str, port: int) -> str:
    return f"http://localhost:{port}"


@pytest.fixture
async def visitor(portal_url: str) -> AsyncIterator[Visitor]:
    """Somebody who is not logged in."""
    async with Visitor(portal_url) as somebody:
        yield somebody


@pytest.fixture
async def ann(portal_url: str, anyone: Caller) -> AsyncIterator[Visitor]:  # noqa: F811
    """Somebody with an account, logged in; ``ann.api`` is the API as she calls it."""
    async with Visitor(portal_url) as somebody, await anyone.registered("ann") as caller:
        await somebody.logs_in("ann")
        somebody.api = caller
        yield somebody


@pytest.fixture
async def root(api: Api, portal_url: str, anyone: Caller) -> AsyncIterator[Visitor]:  # noqa: F811
    """An administrator, logged in; ``root.api`` as above."""
    await api.accounts.ensure_admin(email="admin@localhost", password=ADMIN_PASSWORD)
    async with Visitor(portal_url) as somebody, await anyone.logged_in("admin", ADMIN_PASSWORD) as caller:
        await somebody.logs_in("admin", ADMIN_PASSWORD)
        somebody.api = caller
        yield somebody
