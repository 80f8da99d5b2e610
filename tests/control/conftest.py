"""A real PostgreSQL and a real application; foreign systems point at closed ports unless a test sets them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fakeredis import FakeAsyncRedis, FakeServer

from tests.support.databases import Databases
from tests.support.http import Caller
from tests.support.postgres import in_memory, postgres
from zpack.control.app import create_app
from zpack.control.db.session import Database
from zpack.control.serving import KEEP_ALIVE_SECONDS, SOCKETS
from zpack.control.settings import Settings
from zpack.control.wiring import Api, Clients, Hint, build_api, build_clients

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CLOSED = "http://127.0.0.1:9"
EDGE_SECRET = "an edge secret for tests"


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    # Not below pytest's folder: every other pytest that starts takes that folder from Postgres' own user.
    with (
        TemporaryDirectory(prefix="zpack-test-pg-", dir=in_memory()) as folder,
        postgres(Path(folder)) as url,
    ):
        yield url


@pytest.fixture(scope="session")
def databases(server_url: str) -> Databases:
    return Databases(server_url)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A database as a new one is."""
    with databases.lent() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    yield made
    await made.close()


@pytest.fixture
def extra() -> dict[str, Any]:
    """Override to point at real counterparts."""
    return {}


@pytest.fixture
def settings(database_url: str, extra: dict[str, Any]) -> Settings:
    values: dict[str, Any] = {
        "database_url": database_url,
        "auth_secret": "an access secret for tests, long enough",
        "agent_secret": "an agent secret for tests, long enough",
        "edge_secret": EDGE_SECRET,
        "proxmox_host": CLOSED,
        "proxmox_node": "local",
        "proxmox_token": "root@pam!test=secret",
        "velocity_url": CLOSED,
        "artifact_base_url": CLOSED,
        "password_memory_kib": 1024,
        "password_passes": 1,
    }
    return Settings(**(values | extra))


@pytest.fixture
async def clients(settings: Settings) -> AsyncIterator[Clients]:
    made = build_clients(settings, FakeAsyncRedis(server=FakeServer(), decode_responses=True))
    yield made
    await made.close()


@pytest.fixture
def api(settings: Settings, clients: Clients) -> Api:
    return build_api(settings, clients, Hint())


@asynccontextmanager
async def served(app: Any, *, proxies: str = "", port: int = 0) -> AsyncIterator[str]:
    """Serve an application on a port of a real socket; ``proxies`` are believed where callers are from."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()  # a client may come before the server has begun
    config = uvicorn.Config(
        app,
        log_config=None,
        lifespan="off",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        **SOCKETS,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
def proxies() -> str:
    """Override to have ``X-Forwarded-For`` believed."""
    return ""


@pytest.fixture
async def base_url(api: Api, proxies: str) -> AsyncIterator[str]:
    async def ready() -> dict[str, str]:
        return {}

    app = create_app(api, ready=ready, cors_origins=("http://localhost:3000",))
    async with served(app, proxies=proxies) as url:
        yield url


@pytest.fixture
async def anyone(base_url: str) -> AsyncIterator[Caller]:
    async with Caller(base_url) as caller:
        yield caller


@pytest.fixture
async def ann(base_url: str, anyone: Caller) -> AsyncIterator[Caller]:
    async with await anyone.registered("ann") as caller:
        yield caller


@pytest.fixture
async def bob(base_url: str, anyone: Caller) -> AsyncIterator[Caller]:
    async with await anyone.registered("bob") as caller:
        yield caller


@pytest.fixture
async def root(api: Api, base_url: str, anyone: Caller) -> AsyncIterator[Caller]:
    await api.accounts.ensure_admin(email="admin@localhost", password="an admin password")
    async with await anyone.logged_in("admin", "an admin password") as caller:
        yield caller
