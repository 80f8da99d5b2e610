"""The three calls of the game proxy's bridge."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.control.provisioning.counterparts import GameProxy, every_path, serving
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.velocity import Velocity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SECRET = "a secret of the edge"


@pytest.fixture
def proxy() -> GameProxy:
    return GameProxy()


@pytest.fixture
async def velocity(proxy: GameProxy) -> AsyncGenerator[Velocity]:
    async with serving(every_path(proxy.answer), "127.82.0.2") as port:
        client = Velocity(base_url=f"http://127.82.0.2:{port}", secret=SECRET, http=ForeignHttp(name="proxy"))
        yield client
        await client.close()


@pytest.mark.seed("S31", "S32", "S33", "S34")
async def test_register_list_unregister(velocity: Velocity, proxy: GameProxy) -> None:
    await velocity.register(name="mc-5000", address="127.82.19.136", port=25565)
    listed = await velocity.backends()
    assert listed is not None
    assert listed["mc-5000"] == {"name": "mc-5000", "address": "127.82.19.136", "port": 25565}
    await velocity.unregister("mc-5000")
    assert proxy.servers == {}


@pytest.mark.seed("S32")
async def test_the_secret_is_sent_hashed(velocity: Velocity, proxy: GameProxy) -> None:
    await velocity.backends()
    assert proxy.headers == [hashlib.sha256(SECRET.encode()).hexdigest()]


@pytest.mark.seed("S32")
async def test_a_backend_that_is_gone_is_unregistered(velocity: Velocity) -> None:
    await velocity.unregister("mc-5000")


@pytest.mark.parametrize(("status", "transient"), [(401, False), (400, False), (500, True), (429, True)])
async def test_a_no_of_the_proxy(velocity: Velocity, proxy: GameProxy, status: int, transient: bool) -> None:
    proxy.refuse = status
    with pytest.raises(ForeignError) as failed:
        await velocity.register(name="mc-5000", address="127.0.0.1", port=1)
    assert failed.value.transient is transient


@pytest.mark.parametrize("text", ["", "null", "{}", '{"servers": 3}', "[1]", "ok"])
@pytest.mark.seed("S34", "S35")
async def test_a_status_without_a_list_says_nothing(text: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(text=text)

    async with serving(every_path(answer), "127.82.0.2") as port:
        client = Velocity(base_url=f"http://127.82.0.2:{port}", secret=SECRET, http=ForeignHttp(name="proxy"))
        assert await client.backends() is None
        await client.close()
