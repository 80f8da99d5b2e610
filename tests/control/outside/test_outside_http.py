"""One pooled client a foreign system: connections are kept, shared, and closed with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.control.provisioning.counterparts import serving
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox
from zpack.control.outside.velocity import Velocity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOST = "127.82.0.7"


class Upstream:
    """Answers anything with an empty object, and counts who is connected."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.connections.add(request.transport)
        return web.json_response({"data": {}})


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with serving(app, HOST) as port:
        made.url = f"http://{HOST}:{port}"
        yield made


def http() -> ForeignHttp:
    return ForeignHttp(name="the upstream", connections=4)


@pytest.mark.seed("S105")
async def test_calls_after_one_another_share_a_connection(upstream: Upstream) -> None:
    client = http()
    for _ in range(5):
        assert (await client.request("GET", upstream.url, budget=Budget.seconds(5))).status == 200
    await client.close()
    assert len(upstream.connections) == 1


@pytest.mark.parametrize("asked", [0, 1])
async def test_what_is_closed_stays_closed(upstream: Upstream, asked: int) -> None:
    client = http()
    for _ in range(asked):
        await client.request("GET", upstream.url, budget=Budget.seconds(5))
    await client.close()
    with pytest.raises(ForeignError, match="the upstream was asked after its session was closed") as late:
        await client.request("GET", upstream.url, budget=Budget.seconds(5))
    assert late.value.transient
    assert len(upstream.connections) == asked


@pytest.mark.seed("S105")
async def test_calls_at_once_take_no_more_connections_than_allowed(upstream: Upstream) -> None:
    client = http()
    calls = [client.request("GET", upstream.url, budget=Budget.seconds(20)) for _ in range(40)]
    assert {answer.status for answer in await asyncio.gather(*calls)} == {200}
    await client.close()
    assert 1 <= len(upstream.connections) <= 4


CLIENTS: dict[str, Callable[[str, ForeignHttp], tuple[Any, Callable[[Any], Any]]]] = {
    "proxmox": lambda url, pool: (
        Proxmox(base_url=url, token="u@pam!t=s", node="n", http=pool),
        lambda client: client.version(Budget.seconds(5)),
    ),
    "velocity": lambda url, pool: (
        Velocity(base_url=url, secret="a secret", http=pool),
        lambda client: client.backends(),
    ),
}


@pytest.mark.seed("S106")
@pytest.mark.parametrize("system", CLIENTS)
async def test_each_system_s_client_keeps_its_connection(upstream: Upstream, system: str) -> None:
    client, ask = CLIENTS[system](upstream.url, http())
    for _ in range(3):
        await ask(client)
    await client.close()
    assert len(upstream.connections) == 1
