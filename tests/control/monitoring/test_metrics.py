"""The page of figures: who may read it, that Prometheus takes it, that its labels are bounded."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.control.conftest import CLOSED
from tests.control.monitoring.conftest import BEARER
from zpack.control.db.session import Database
from zpack.control.engine import measures
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.logs import NamedLines
from zpack.control.engine.periodic import Periodic
from zpack.control.engine.request import current_request
from zpack.control.hosts.store import HostStates
from zpack.control.monitoring.page import Page
from zpack.control.monitoring.store import OPERATIONS

if TYPE_CHECKING:
    import aiohttp

    from tests.support.http import Caller
    from zpack.control.wiring import Clients


NEIGHBOURS: tuple[dict[str, str], ...] = ({}, {"Host": "localhost:4000"}, {"Host": "[::1]:4000"})
STRANGERS: tuple[dict[str, str], ...] = (
    {"Host": "rebound.example:4000"},
    {"Host": ""},
    {"X-Forwarded-For": "192.0.2.1"},
    {"X-Real-IP": "192.0.2.1"},
    {"Forwarded": "for=192.0.2.1"},
    {"Via": "1.1 proxy"},
)
QUEUED = """
insert into operations (id, kind, status, request_id, input, deadline, started_at, updated_at)
values ('op_1', 'instance-create', 'queued', 'req_1', '{}', now(), now() - interval '601 s', now() - interval '301 s')
"""
MAILED = """
insert into mail_outbox (id, key, template, created_at) values ('m1', 'k1', 'verify_email', now() - interval '901 s')
"""


async def figures(plain: aiohttp.ClientSession, base: str) -> dict[tuple[str, ...], float]:
    """Return every sample: name and label values to value."""
    async with plain.get(base + "/metrics", headers=BEARER) as answer:
        assert answer.status == 200
        families = text_string_to_metric_families(await answer.text())
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def test_only_the_token_opens_it(base_url: str, plain: aiohttp.ClientSession) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        async with plain.get(base_url + "/metrics", headers=headers) as answer:
            assert answer.status == 401
    assert await figures(plain, base_url)


class TestWithoutAToken:
    @pytest.fixture
    def extra(self) -> dict[str, Any]:
        return {}

    async def test_it_is_for_programs_on_this_host(self, base_url: str, plain: aiohttp.ClientSession) -> None:
        for headers in NEIGHBOURS + STRANGERS:
            async with plain.get(base_url + "/metrics", headers=headers) as answer:
                assert answer.status == (200 if headers in NEIGHBOURS else 401), headers


async def test_promtool_finds_nothing_to_complain(
    base_url: str, plain: aiohttp.ClientSession, ann: Caller
) -> None:
    await ann.get("/api/servers")
    async with plain.get(base_url + "/metrics", headers=BEARER) as answer:
        page = await answer.read()
    done = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


async def test_routes_are_counted_by_template_and_nothing_by_what_was_asked(
    base_url: str, plain: aiohttp.ClientSession, ann: Caller
) -> None:
    asked = ("zpack_http_requests_total", "GET", "/api/servers/{server_id}", "404")
    lost = ("zpack_http_requests_total", "GET", measures.UNROUTED, "404")
    before = await figures(plain, base_url)
    for vmid in (5901, 5902, 5903):
        await ann.get(f"/api/servers/{vmid}")
        await ann.get(f"/nowhere/{vmid}")
    await ann.call("PROPFIND", "/api/servers")
    after = await figures(plain, base_url)
    assert after[asked] - before.get(asked, 0) == after[lost] - before.get(lost, 0) == 3
    assert not [key for key in after if "590" in str(key) or "PROPFIND" in key]


async def test_a_database_that_is_away_is_said_and_no_count_is_invented(clients: Clients) -> None:
    away = Database(f"postgresql://nobody@{CLOSED.removeprefix('http://')}/x")
    page = (await Page(database=away, hosts=HostStates(redis=clients.redis), platform=True).render()).decode()
    await away.close()
    assert 'zpack_store_up{store="database"} 0.0' in page
    assert 'zpack_store_up{store="redis"} 1.0' in page
    assert "zpack_operations{" not in page


async def test_a_foreign_system_that_is_away_is_counted_as_such(clients: Clients) -> None:
    failed = measures.FOREIGN_CALLS.labels("artifact_server", "unreachable")
    before = failed._value.get()
    with pytest.raises(ForeignError):
        await clients.artifacts.game_catalog()
    assert failed._value.get() == before + 1
    assert measures.FOREIGN_UP.labels("artifact_server")._value.get() == 0


async def test_a_reconciler_tells_when_it_last_succeeded() -> None:
    turns = asyncio.Event()

    async def tick() -> None:
        if turns.is_set():
            raise ForeignError("away", transient=True)
        turns.set()

    periodic = Periodic(name="of-this-test", every=0.01, tick=tick)
    failed = measures.RECONCILER_RUNS.labels("of-this-test", "failed")
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        running = group.create_task(periodic.run())
        while failed._value.get() == 0:
            await asyncio.sleep(0.01)
        running.cancel()
    assert measures.RECONCILER_RUNS.labels("of-this-test", "ok")._value.get() == 1
    assert measures.RECONCILER_SUCCESS.labels("of-this-test")._value.get() > 0


async def test_what_waits_is_told_with_its_age(
    base_url: str, plain: aiohttp.ClientSession, database: Database
) -> None:
    async with database.transaction() as session:
        await session.execute(text(QUEUED))
        await session.execute(text(MAILED))
    found = await figures(plain, base_url)
    assert found["zpack_operations", "instance-create", "queued"] == 1
    assert found["zpack_operations_oldest_seconds", "instance-create", "queued"] >= 600
    assert 300 <= found["zpack_operations_stalest_seconds", "instance-create", "queued"] < 600
    assert found["zpack_queue_waiting", "mail_outbox"] == 1
    assert found["zpack_queue_oldest_seconds", "mail_outbox"] >= 900
    assert found["zpack_queue_oldest_seconds", "billing_inbox"] == 0
    async with database.transaction() as session:
        await session.execute(text("set local enable_seqscan = off"))  # of few rows all are read anyway
        plan = list(await session.scalars(text(f"explain {OPERATIONS.text}")))
    assert not [line for line in plan if "Seq Scan" in line], "all operations that ever were are looked at"


def test_a_log_line_names_its_request() -> None:
    record = logging.makeLogRecord({"msg": "done", "name": "zpack", "levelname": "INFO"})
    assert NamedLines("%(request)s%(message)s").format(record) == "done"
    token = current_request.set("req_0011223344556677")
    assert NamedLines("%(request)s%(message)s").format(record) == "[req_0011223344556677] done"
    current_request.reset(token)
