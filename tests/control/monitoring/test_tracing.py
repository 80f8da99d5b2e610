"""One trace from the click to the container: a real worker, and a collector that reads what OTLP is."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import generate_latest

from tests.control.provisioning import conftest as world_fixtures
from tests.control.provisioning.test_provisioning_routes import WANTED
from tests.control.test_program import control, environment, stopped
from tests.support.waiting import eventually
from zpack.control.engine import measures, tracing
from zpack.control.wiring.monitoring import begin_tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.support.http import Caller
    from zpack.control.settings import Settings
    from zpack.control.worker import Worker

api, hint, others, worker = (
    world_fixtures.api,
    world_fixtures.hint,
    world_fixtures.others,
    world_fixtures.worker,
)
__all__ = ["environment"]
CREATES = "POST /api/instances"


@dataclass
class Collector:
    """Keeps what it is sent, or refuses it."""

    url: str = ""
    status: int = 200
    calls: int = 0
    spans: list[Span] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.calls += 1
        sent = ExportTraceServiceRequest.FromString(await request.read())
        if self.status == 200:
            scopes = [scope for resource in sent.resource_spans for scope in resource.scope_spans]
            self.spans += [span for scope in scopes for span in scope.spans]
        return web.Response(status=self.status)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found = Collector()
    app = web.Application(client_max_size=8 << 20)
    app.router.add_post("/v1/traces", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
def extra(others: Any, collector: Collector) -> dict[str, Any]:
    return {**others.settings, "otlp_endpoint": collector.url}


@pytest.fixture
async def traced(
    settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    end = begin_tracing(settings, "test")
    yield
    tracing.trace_with(None)
    collector.status = 400  # what is left is not worth a retry
    end()


def facts(span: Span) -> dict[str, str]:
    return {each.key: str(each.value.string_value or each.value.int_value) for each in span.attributes}


async def test_a_create_is_one_connected_trace(
    traced: None, worker: Worker, collector: Collector, ann: Caller, settings: Settings
) -> None:
    assert worker.alive
    reply = await ann.post("/api/instances?wait=60", WANTED)
    assert reply.status == 200, reply
    ends = (CREATES, "workflow instance-create")
    await eventually(lambda: all(map(collector.named, ends)), what="both ends of the trace")
    (root,) = collector.named(CREATES)
    trace = [span for span in collector.spans if span.trace_id == root.trace_id]
    ids = {span.span_id for span in trace}
    assert [span.name for span in trace if span.parent_span_id not in ids] == [CREATES]
    names = [span.name for span in trace]
    assert len([name for name in names if name.startswith("step ")]) >= 5
    assert {"proxmox POST", "proxmox task", "agent POST", "game_proxy POST"} <= set(names)
    assert facts(root)["zpack.request_id"] == reply.headers["X-Request-Id"]
    told = str([facts(span) for span in collector.spans])
    secrets = (settings.proxmox_token, settings.agent_secret, settings.edge_secret, settings.auth_secret)
    assert not [s for s in secrets if s.get_secret_value() in told]
    assert ann.token
    assert ann.token not in told
    assert "correct horse" not in told


async def test_a_create_is_counted_step_by_step(worker: Worker, ann: Caller) -> None:
    assert worker.alive
    ended = measures.WORKFLOWS.labels("instance-create", "succeeded")
    before = ended._value.get()
    assert (await ann.post("/api/instances?wait=60", WANTED)).status == 200
    await eventually(lambda: ended._value.get() == before + 1, what="the count")
    await eventually(measures.POLLS.labels("ready")._value.get, what="a poll")
    page = generate_latest(measures.REGISTRY).decode()
    for step in worker._work.workflows.registered[0].steps:
        labels = f'outcome="ok",step="{step.name}",workflow="instance-create"'
        assert f"zpack_workflow_step_seconds_count{{{labels}}}" in page
    assert 'zpack_foreign_calls_total{outcome="ok",system="proxmox"}' in page


async def test_agents_are_told_the_trace_and_the_request(
    traced: None, worker: Worker, others: Any, ann: Caller, collector: Collector
) -> None:
    assert worker.alive
    reply = await ann.post("/api/instances?wait=60", WANTED)
    await eventually(lambda: collector.named("agent POST"), what="a call's span")
    trace = {span.trace_id.hex() for span in collector.named("agent POST")}
    heard = [headers for headers in others.scripts.headers if "traceparent" in headers]
    assert {headers["traceparent"].split("-")[1] for headers in heard} == trace
    assert {headers["X-Request-ID"] for headers in heard} == {reply.headers["X-Request-Id"]}


async def test_a_caller_cannot_put_requests_into_a_trace_of_its_own(
    traced: None, collector: Collector, ann: Caller
) -> None:
    theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await ann.get("/api/servers", headers={"traceparent": theirs})
    await ann.get("/api/servers", headers={"traceparent": "00-nonsense"})
    await eventually(lambda: len(collector.named("GET /api/servers")) == 2, what="both spans")
    linked, other = sorted(collector.named("GET /api/servers"), key=lambda span: -len(span.links))
    assert [link.trace_id.hex() for link in linked.links] == [theirs.split("-")[1]]
    assert linked.trace_id.hex() not in theirs
    assert not other.links


async def test_polling_makes_no_traces(
    traced: None, worker: Worker, collector: Collector, ann: Caller
) -> None:
    assert worker.alive
    await ann.get("/api/servers")
    await eventually(lambda: collector.named("GET /api/servers"), what="the request's span")
    assert [
        span.name for span in collector.spans if not span.name.startswith(("GET /api", "POST /api"))
    ] == []


async def test_a_collector_that_refuses_costs_spans_alone(
    traced: None, collector: Collector, ann: Caller
) -> None:
    collector.status = 400
    assert (await ann.get("/api/servers")).status == 200
    await eventually(lambda: collector.calls, what="a refused batch")
    collector.status = 200
    await ann.get("/api/servers")
    await eventually(lambda: collector.named("GET /api/servers"), what="a later span")


async def test_a_program_sends_its_last_spans_before_it_ends(
    environment: dict[str, str], collector: Collector, plain: aiohttp.ClientSession
) -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    async with control(environment | told) as (process, url):
        async with plain.get(f"{url}/api/health") as answer:
            request_id = answer.headers["X-Request-Id"]
        assert await stopped(process) == 0
    (span,) = collector.named("GET /api/health")
    assert facts(span)["zpack.request_id"] == request_id


def test_without_an_endpoint_nothing_is_imported(settings: Settings) -> None:
    ours = "zpack.control.outside.otlp", "opentelemetry.sdk.trace", "opentelemetry.exporter"
    code = f"import sys, zpack.control.serving; print([name for name in {ours} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
    begin_tracing(settings.model_copy(update={"otlp_endpoint": None}), "test")
    assert tracing.span("anything") is tracing.IDLE
    assert tracing.passed_on() == {}
