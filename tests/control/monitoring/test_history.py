"""A server's charts: from Prometheus, else from Proxmox, gaps told as gaps, whatever the two answer."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from zpack.control.monitoring.models import POINTS, window_of
from zpack.control.outside.prometheus import query_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.control.monitoring.conftest import Have
    from tests.support.http import Caller

GIB = 1 << 30
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
RRD = "/api2/json/nodes/local/lxc/5001/rrddata"
QUERY = "/api/v1/query_range"


@dataclass
class Both:
    """Prometheus and Proxmox in one; what they answer is set by the test."""

    url: str = ""
    prometheus: Any = None
    rows: Any = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)

    async def query(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        self.asked.append({k: str(v) for k, v in (await request.post()).items()})
        return as_answer(self.prometheus)

    async def resources(self, _: web.Request) -> web.Response:
        guest = {"type": "lxc", "vmid": 5001, "node": "local", "status": "running", "name": "s-5001"}
        return web.json_response({"data": [guest]})

    async def rrd(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return as_answer({"data": self.rows})


def as_answer(said: Any) -> web.Response:
    if isinstance(said, int):
        return web.Response(status=said)
    return web.Response(text=said) if isinstance(said, str) else web.json_response(said)


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    found = Both()
    app = web.Application()
    app.router.add_post(QUERY, found.query)
    app.router.add_get("/api2/json/cluster/resources", found.resources)
    app.router.add_get(RRD, found.rrd)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
def extra(both: Both) -> dict[str, Any]:
    return {"prometheus_url": both.url, "proxmox_host": both.url}


@pytest.fixture
async def hers(ann: Caller, have: Have) -> Caller:
    """Ann, who has had the server 5001 for long."""
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await have(5001, owner=me, created_at=LONG_AGO)
    return ann


def recorded(**series: list[Any]) -> dict[str, Any]:
    """Return what Prometheus says."""
    rows = [{"metric": {"series": name}, "values": values} for name, values in series.items()]
    return {"status": "success", "data": {"resultType": "matrix", "result": rows}}


async def charted(caller: Caller, query: str = "") -> dict[str, Any]:
    reply = await caller.get(f"/api/servers/5001/metrics{query}")
    assert reply.status == 200, reply
    return reply.body


GARBAGE: tuple[Any, ...] = (
    500, 400, 302, "", "<html>", "[]", "null", "7", '{"status":"error"}', '{"status":"success"}',
    '{"status":"success","data":[1]}', '{"status":"success","data":{"result":{"a":1}}}',
    '{"status":"success","data":{"result":[1,null,{"metric":1},{"metric":{"series":["cpu"]}}]}}',
    '{"status":"success","data":{"result":[{"metric":{"series":"cpu"},"values":[1,[],["a","b"],[1e999,1]]}]}}',
    '{"status":"success","data":{"result":[{"metric":{"series":"cpu"},"values":[[1,"NaN"],[9e18,"+Inf"]]}]}}',
    "[" * 3000, "x" * (5 << 20),
)  # fmt: skip
WRONG = (
    ("range=0m", "invalid_range"), ("range=32d", "invalid_range"), ("range=1", "invalid_range"),
    ("range=-1h", "invalid_range"), ("range=1h%0A", "invalid_range"), ("range=\u0661h", "invalid_range"),
    ("range=99999999999d", "invalid_range"), ("step=1s", "invalid_step"), ("step=", "invalid_step"),
    ("range=5m&step=1h", "invalid_step"), ('step=30s"}) or vector(1', "invalid_step"),
)  # fmt: skip


async def test_what_prometheus_recorded_is_shown_with_its_gaps(hers: Caller, both: Both) -> None:
    end = int(time.time()) // 30 * 30
    both.prometheus = recorded(cpu=[[end - 60, "0.5"], [end, "0.25"]], memory=[[end, str(GIB)]])
    found = await charted(hers, "?range=5m&step=30s")
    assert (found["source"], found["prometheus"], found["step"]) == ("prometheus", "ok", 30)
    kept = dict(zip(found["times"], found["cpu"]["used"], strict=True))
    assert (kept[end - 60], kept[end - 30], kept[end]) == (0.5, None, 0.25)
    assert dict(zip(found["times"], found["memory"]["used"], strict=True))[end] == GIB
    assert found["empty"] == ["memory_total", "disk", "disk_total", "received", "sent"]


async def test_proxmox_is_asked_where_prometheus_knows_nothing(hers: Caller, both: Both) -> None:
    both.prometheus = recorded()
    at = int(time.time()) - 600
    both.rows = [
        {"time": at, "cpu": 0.1, "mem": GIB, "maxmem": 2 * GIB, "netin": 10.5, "netout": 3},
        {"time": at + 60},
    ]
    found = await charted(hers)
    assert (found["source"], found["prometheus"], found["step"]) == ("proxmox", "empty", 60)
    assert [value for value in found["cpu"]["used"] if value is not None] == [0.1]
    assert [value for value in found["network"]["received"] if value is not None] == [10.5]
    assert both.asked[-1] == {"timeframe": "hour", "cf": "AVERAGE"}


async def test_whatever_prometheus_says_there_is_a_chart(hers: Caller, both: Both) -> None:
    both.rows = [{"time": time.time() - 60, "cpu": 0.1}, {"time": "soon", "cpu": "much"}, 7, None]
    for number, said in enumerate(GARBAGE):
        both.prometheus = said
        found = await charted(hers, f"?step={60 + number}s")
        assert (found["source"], found["empty"][0]) == ("proxmox", "memory"), said
        assert found["prometheus"] in {"failed", "empty"}


async def test_both_away_are_a_gateway_s_error(hers: Caller, both: Both) -> None:
    both.prometheus, both.rows = 500, None
    assert (await charted(hers))["empty"][0] == "cpu"
    both.prometheus = 503
    reply = await hers.get("/api/servers/5001/metrics?range=2h")
    assert reply.status == 200


async def test_a_chart_is_remembered_for_some_seconds(hers: Caller, both: Both) -> None:
    both.prometheus = recorded(cpu=[[int(time.time()) - 60, "0.5"]])
    assert await charted(hers) == await charted(hers)
    assert len(both.asked) == 1


@pytest.mark.seed("S106")
async def test_many_charts_go_over_few_kept_connections(hers: Caller, both: Both) -> None:
    both.prometheus = recorded(cpu=[[int(time.time()) - 60, "0.5"]])
    await asyncio.gather(*(charted(hers, f"?step={60 + number}s") for number in range(40)))
    assert (len(both.asked), len(both.peers) <= 8) == (40, True)


async def test_what_a_former_tenant_of_the_vmid_did_is_not_shown(ann: Caller, have: Have, both: Both) -> None:
    me = (await ann.get("/api/auth/me")).body["user"]["id"]
    await have(5001, owner=me)
    before = int(time.time()) - 120
    both.prometheus = recorded(cpu=[[before, "0.9"]])
    both.rows = [{"time": before, "cpu": 0.9}]
    assert "cpu" in (await charted(ann))["empty"]


async def test_another_s_server_is_no_server(hers: Caller, bob: Caller, both: Both) -> None:
    assert hers
    reply = await bob.get("/api/servers/5001/metrics?range=nonsense")
    assert (reply.status, reply.body["error"], both.asked) == (404, "server_not_found", [])


async def test_ranges_and_steps_are_checked(hers: Caller, both: Both) -> None:
    for query, code in WRONG:
        reply = await hers.get(f"/api/servers/5001/metrics?{query}")
        assert (reply.status, reply.body["error"], both.asked) == (400, code, []), query


@pytest.mark.parametrize("length", [60, 3600, 86400, 7 * 86400, 31 * 86400])
@pytest.mark.parametrize("step", [None, 5, 30])
def test_no_window_has_more_points_than_is_wise(length: int, step: int | None) -> None:
    window = window_of(length, step, now=1_800_000_123.4)
    assert 2 <= len(window.times) <= POINTS
    assert window.times[-1] == window.end


def test_a_selector_is_made_of_a_number_alone() -> None:
    assert query_of(5001, 30).count('vmid="5001"') == 10
    with pytest.raises(ValueError, match="format code"):
        query_of('5001"} or {a="', 30)  # type: ignore[arg-type]
