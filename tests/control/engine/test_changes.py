"""Changes are told through a real Redis, and a gap is told as such."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from tests.support.ports import free_port
from tests.support.redis import redis_server
from zpack.control.engine.changes import CHANNEL, Change, Changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ONE = Change("server", "5000", "u-ada")


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    with redis_server(tmp_path) as url:
        client = Redis.from_url(url, decode_responses=True)
        yield client
        await client.aclose()


async def test_a_change_reaches_every_listener(redis: Redis) -> None:
    changes = Changes(redis=redis)
    async with aclosing(changes.listen()) as one, aclosing(changes.listen()) as two:
        assert (await anext(one), await anext(two)) == (None, None)
        await changes.tell(ONE)
        assert (await anext(one), await anext(two)) == (ONE, ONE)


@pytest.mark.parametrize("text", ["", "null", "[1]", '{"subject": "x", "key": "1", "owner": null}', "{}"])
async def test_what_is_no_change_is_passed_over(redis: Redis, text: str) -> None:
    changes = Changes(redis=redis)
    async with aclosing(changes.listen()) as heard:
        await anext(heard)
        await redis.publish(CHANNEL, text)
        await changes.tell(ONE)
        assert await anext(heard) == ONE


async def test_a_store_that_was_away_is_a_gap(tmp_path: Path) -> None:
    port = free_port()
    async with Redis.from_url(f"redis://127.0.0.1:{port}/0", decode_responses=True) as redis:
        changes = Changes(redis=redis)
        async with aclosing(changes.listen()) as heard:
            with redis_server(tmp_path, port):
                assert await anext(heard) is None
            await changes.tell(ONE)  # lost, and no failure of whoever tells it
            waiting = asyncio.ensure_future(anext(heard))
            with redis_server(tmp_path, port):
                assert await asyncio.wait_for(waiting, 10) is None
                await changes.tell(ONE)
                assert await asyncio.wait_for(anext(heard), 10) == ONE
