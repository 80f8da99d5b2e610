"""A worker's own figures, from a real worker process; and what a real worker counts of a create."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.control.monitoring.conftest import TOKEN
from tests.control.monitoring.test_metrics import figures
from tests.control.test_program import begin, environment, stopped
from tests.support.ports import free_port
from tests.support.redis import redis_server
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from pathlib import Path

    import aiohttp

    from zpack.control.settings import Settings

__all__ = ["environment"]


async def test_a_worker_serves_its_own_page_and_nothing_else(
    environment: dict[str, str], tmp_path: Path, plain: aiohttp.ClientSession
) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    own = {"ZPACK_WORKER_METRICS": base.removeprefix("http://"), "PROM_SD_TOKEN": TOKEN}
    with redis_server(tmp_path) as redis:
        async with working(environment | own | {"REDIS_URL": redis}) as process:
            await looked_at(plain, base)
            assert await stopped(process) == 0


@asynccontextmanager
async def working(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await begin(environment, "worker")
    try:
        assert process.stdout is not None
        assert await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def looked_at(plain: aiohttp.ClientSession, base: str) -> None:
    assert await status(plain, f"{base}/metrics") == 401
    assert await status(plain, f"{base}/api/health") == 404
    rounds = ("zpack_reconciler_runs_total", "ok", "shards")

    async def counted() -> dict[tuple[str, ...], Any] | None:
        found = await figures(plain, base)
        return found if found.get(rounds) else None

    found = await eventually(counted, what="a round of the shards")
    assert ("zpack_agents", "running") in found
    assert not [name for name in found if name[0] == "zpack_workers"]


async def status(plain: aiohttp.ClientSession, url: str) -> int:
    async with plain.get(url) as answer:
        return answer.status


WRONG = (
    ("prom_sd_token", "short"),
    ("metrics_token", "short"),
    ("worker_metrics", "4001"),
    ("worker_metrics", "localhost:many"),
    ("sd_exclude", "10.0.0.0/8, nonsense"),
    ("sd_exclude", "10.0.0.1/8"),
    ("prometheus_url", "http://user:password@prometheus:9090"),
    ("prometheus_url", "prometheus:9090"),
    ("otlp_endpoint", "file:///etc/passwd"),
)


def test_a_wrong_setting_stops_the_start(settings: Settings) -> None:
    for name, value in WRONG:
        with pytest.raises(ValidationError):
            type(settings)(**(settings.model_dump() | {name: value}))
