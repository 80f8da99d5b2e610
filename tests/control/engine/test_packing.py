"""Commands packed in C are those redis-py packs itself, and a real Redis takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from redis.asyncio import Redis
from redis.asyncio.connection import Connection

from tests.support.redis import redis_server
from zpack.control.engine.packing import PackingConnection

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENT = some.one_of(some.text(), some.binary(), some.integers(-(2**63), 2**63 - 1))


@given(some.sampled_from(["GET", "CLIENT SETINFO", b"HMGET"]), some.lists(ARGUMENT))
def test_the_bytes_are_the_same(name: str | bytes, arguments: list[Any]) -> None:
    ours = b"".join(PackingConnection().pack_command(name, *arguments))
    assert ours == b"".join(bytes(piece) for piece in Connection().pack_command(name, *arguments))


async def test_a_server_takes_them(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        async with Redis.from_url(url, decode_responses=True, connection_class=PackingConnection) as redis:
            assert isinstance(await redis.connection_pool.get_connection(), PackingConnection)
            await redis.hset("h", mapping={"ä": "x" * 100_000, "n": 7})
            assert await redis.hmget("h", ["ä", "n"]) == ["x" * 100_000, "7"]


@pytest.mark.parametrize("url", ["rediss://127.0.0.1:1/0", "unix:///nowhere"])
def test_other_transports_stay_as_they_are(url: str) -> None:
    redis = Redis.from_url(url, connection_class=PackingConnection)
    assert redis.connection_pool.connection_class is not PackingConnection
