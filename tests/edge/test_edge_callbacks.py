"""The API hears of each server, in order, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.edge.world import HOST, Api, Door, edge_here, eventually, game_server

from zpack.edge.callbacks import Backoff, Callbacks
from zpack.wire.edge import ProxyEvent, ProxyStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

QUICK = Backoff(first=0.01, most=0.05, budget=2)


def event(name: str, status: ProxyStatus, port: int = 1) -> ProxyEvent:
    return ProxyEvent(server_name=name, status=status, address=HOST, port=port, timestamp="now")


@pytest.fixture
async def callbacks(api: Api) -> AsyncIterator[Callbacks]:
    callbacks = Callbacks(endpoint=api.url, secret="x", backoff=QUICK)
    yield callbacks
    await callbacks.close()


@pytest.fixture
async def told(tmp_path: Path, api: Api) -> AsyncIterator[Door]:
    async with edge_here(tmp_path, ZPACK_PROXY_STATUS_ENDPOINT=api.url) as door:
        yield door


@pytest.mark.seed("S42")
async def test_a_registration_is_told_and_then_its_ping(told: Door, api: Api) -> None:
    async with game_server("alpha") as alpha:
        await told.register("mc-alpha", alpha.port)
        await eventually(lambda: api.statuses("mc-alpha") == ["registered_with_proxy", "proxy_ping_ok"])
    assert api.heard[0]["duplicate"] is False
    assert api.heard[1]["latency_ms"] > 0
    assert (api.heard[1]["address"], api.heard[1]["port"]) == (HOST, alpha.port)


async def test_only_changes_of_health_are_told(told: Door, api: Api) -> None:
    async with game_server("alpha") as alpha:
        await told.register("mc-alpha", alpha.port)
        await eventually(lambda: len(alpha.seen) > 3)
    await eventually(lambda: api.statuses("mc-alpha")[-1] == "proxy_ping_failed")
    assert api.statuses("mc-alpha") == ["registered_with_proxy", "proxy_ping_ok", "proxy_ping_failed"]
    assert api.heard[-1]["detail"]
    async with game_server("alpha", port=alpha.port):
        await eventually(lambda: api.statuses("mc-alpha")[-1] == "proxy_ping_ok")


async def test_a_second_registration_is_a_duplicate(told: Door, api: Api) -> None:
    for _ in range(2):
        await told.register("mc-a", 1)
    await eventually(lambda: api.statuses("mc-a").count("registered_with_proxy") == 2)
    registered = [heard for heard in api.heard if heard["status"] == "registered_with_proxy"]
    assert [heard["duplicate"] for heard in registered] == [False, True]


async def test_order_survives_an_api_that_fails(callbacks: Callbacks, api: Api) -> None:
    api.answers = [503, 429, 500]
    callbacks.send(event("mc-a", "registered_with_proxy"))
    callbacks.send(event("mc-a", "proxy_ping_failed"))
    callbacks.send(event("mc-a", "proxy_ping_ok"))
    await eventually(lambda: len(api.heard) == 3)
    assert api.statuses("mc-a") == ["registered_with_proxy", "proxy_ping_failed", "proxy_ping_ok"]


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_is_refused_for_good_is_not_repeated(callbacks: Callbacks, api: Api, status: int) -> None:
    api.answers = [status]
    callbacks.send(event("mc-a", "registered_with_proxy"))
    callbacks.send(event("mc-a", "proxy_ping_ok"))
    await eventually(lambda: api.statuses("mc-a") == ["proxy_ping_ok"])
    assert len(api.secrets) == 2


async def test_a_full_queue_keeps_the_newest(callbacks: Callbacks, api: Api) -> None:
    api.answers = [503] * 3
    for port in range(1, 31):
        callbacks.send(event("mc-a", "proxy_ping_ok", port))
    await eventually(lambda: api.heard and api.heard[-1]["port"] == 30)
    assert len(api.heard) <= 9
    assert [heard["port"] for heard in api.heard] == sorted(heard["port"] for heard in api.heard)


async def test_a_server_that_is_gone_has_nothing_to_tell(callbacks: Callbacks, api: Api) -> None:
    api.answers = [503] * 1000
    callbacks.send(event("mc-a", "proxy_ping_ok"))
    await eventually(lambda: api.asked)
    callbacks.drop("mc-a")
    callbacks.send(event("mc-b", "proxy_ping_ok"))
    await eventually(lambda: api.asked.count("mc-b") > 5)
    assert "mc-a" not in api.asked[api.asked.index("mc-b") + 1 :]


async def test_a_server_that_comes_back_is_told_at_once(api: Api) -> None:
    callbacks = Callbacks(endpoint=api.url, secret="x", backoff=Backoff(first=60, most=60))
    api.answers = [503]
    callbacks.send(event("mc-a", "proxy_ping_ok"))
    await eventually(lambda: api.asked)
    callbacks.drop("mc-a")
    callbacks.send(event("mc-a", "registered_with_proxy"))
    await eventually(lambda: api.statuses("mc-a") == ["registered_with_proxy"])
    await callbacks.close()
