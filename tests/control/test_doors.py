"""Every route has an access rule, and no input makes a 500."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from fastapi import APIRouter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.control.conftest import served
from tests.support.http import Caller
from tests.support.sockets import refused
from zpack.control import app as doors
from zpack.control.accounts.access import PUBLIC as PUBLIC_RULE
from zpack.control.app import SOCKET, RouteWithoutRule, access_rules, create_app

if TYPE_CHECKING:
    from zpack.control.wiring import Api

PUBLIC = {
    "GET /api/billing/plans", "POST /api/billing/webhook",
    "GET /api/health", "GET /api/ready", "POST /api/auth/register", "POST /api/auth/login",
    "POST /api/auth/login/second-factor", "POST /api/auth/logout", "POST /api/auth/refresh",
    "POST /api/auth/forgot-password", "POST /api/auth/password-reset/request",
    "POST /api/auth/reset-password", "POST /api/auth/password-reset/confirm", "POST /api/auth/verify-email",
    "POST /api/auth/change-email/confirm",
    "GET /api/catalog/game", "GET /api/catalog/dev", "GET /api/announcements", "POST /api/support/create",
}  # fmt: skip

ENDLESS = "GET /api/events"
"""It answers until its listener leaves; tests/control/events reads it."""

FIGURES = "GET /metrics"
"""It answers Prometheus, in no JSON; tests/control/monitoring reads it."""

AWAY = {"billing_disabled", "catalog_unavailable", "upstream_failed", "upstream_timeout"}


async def nothing() -> dict[str, str]:
    return {}


@pytest.fixture
def rules(api: Api) -> dict[str, str | None]:
    return dict(access_rules(create_app(api, ready=nothing, cors_origins=())))


def test_public_routes_are_these_and_no_others(rules: dict[str, str | None]) -> None:
    assert {route for route, rule in rules.items() if rule == "public"} == PUBLIC


def test_there_are_routes_and_each_has_a_rule(rules: dict[str, str | None]) -> None:
    assert len(rules) > 25
    assert set(rules.values()) == {"public", "user", "admin", "edge", "scraper", "discoverer"}


def test_a_route_without_a_rule_stops_the_start(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    hole = APIRouter()
    hole.get("/api/hole")(nothing)
    monkeypatch.setattr(doors, "ROUTERS", (*doors.ROUTERS, hole))
    with pytest.raises(RouteWithoutRule, match="GET /api/hole"):
        create_app(api, ready=nothing, cors_origins=())


def test_a_socket_without_a_rule_stops_the_start_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    hole = APIRouter()
    hole.websocket("/api/hole")(nothing)
    monkeypatch.setattr(doors, "ROUTERS", (*doors.ROUTERS, hole))
    with pytest.raises(RouteWithoutRule, match="WS /api/hole"):
        create_app(api, ready=nothing, cors_origins=())


async def test_an_upgrade_where_there_is_no_socket_is_refused(
    ann: Caller, rules: dict[str, str | None]
) -> None:
    """jupyter-server-proxy's CVE-2024-28179: a route asked for as a socket must not be open."""
    for route in rules:
        method, path = route.split(" ")
        if method == "GET" and route != ENDLESS:
            status, _ = await refused(ann.base + path.replace("{", "").replace("}", ""))
            assert status in {403, 404}, route


segments_of_sockets = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(server=segments_of_sockets, after=segments_of_sockets)
async def test_no_address_of_a_socket_makes_a_500(ann: Caller, server: str, after: str) -> None:
    url = f"{ann.base}/api/servers/{quote(server, safe='')}/console/stream?{urlencode({'after': after})}"
    status, _ = await refused(url, headers={"Authorization": f"Bearer {ann.token}"})
    assert 400 <= status < 500, url


async def test_a_surprise_is_one_phrase_with_a_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def surprise() -> None:
        raise RuntimeError("secret words")

    hole = APIRouter(dependencies=PUBLIC_RULE)
    hole.get("/api/hole")(surprise)
    monkeypatch.setattr(doors, "ROUTERS", (hole,))
    async with served(create_app(api, ready=nothing, cors_origins=())) as url, Caller(url) as caller:
        reply = await caller.get("/api/hole")
    assert (reply.status, reply.body["error"]) == (500, "internal_error")
    assert reply.body["requestId"].startswith("req_")
    assert "secret" not in str(reply.body)
    assert "secret words" in caplog.text


async def test_without_a_token_every_user_route_is_401(anyone: Caller, rules: dict[str, str | None]) -> None:
    for route, rule in rules.items():
        method, path = route.split(" ")
        if rule == "user":
            filled = path.replace("{action}", "start").replace("{", "").replace("}", "")
            if method == SOCKET:
                assert (await refused(anyone.base + filled))[0] == 401, route
                continue
            reply = await anyone.call(method, filled)
            assert reply.status == 401, route
            if method != "HEAD":
                assert reply.body["error"] == "Missing authorization token", route


async def test_without_the_secret_the_edges_routes_are_401(anyone: Caller) -> None:
    for method, path in (("POST", "proxy-status"), ("GET", "servers")):
        reply = await anyone.call(method, f"/internal/velocity/{path}", headers={"X-Zpack-Secret": "wrong"})
        assert (reply.status, reply.body["error"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("PUT", "/api/health", 405, "method_not_allowed"),
        ("GET", "/api/servers/%00", 400, "invalid_request"),
        ("GET", "/api/servers?x=%00", 400, "invalid_request"),
        ("GET", "/api/servers/5000", 404, "server_not_found"),
        ("GET", "/api/servers/100", 404, "server_not_found"),
        ("GET", "/api/servers/abc/status", 404, "server_not_found"),
        ("DELETE", "/api/containers/abc", 400, "Invalid VMID"),
        ("DELETE", "/api/containers/9001", 400, "Invalid VMID"),
        ("GET", "/api/operations/op_x", 404, "operation_not_found"),
        ("POST", "/api/servers/5000/host/explode", 400, "invalid_request"),
        ("GET", "/api/servers/5000/console/log?after=-1", 400, "invalid_request"),
    ],
)
async def test_bad_addresses(ann: Caller, method: str, path: str, status: int, code: str) -> None:
    reply = await ann.call(method, path)
    assert (reply.status, reply.body["error"]) == (status, code)
    assert reply.body["requestId"] == reply.headers["x-request-id"]


ARCHIVED = [
    ("POST", "/api/v2/ports/reserve-slot"), ("POST", "/api/v2/ports/commit"),
    ("GET", "/api/v2/ports/customer/1"), ("POST", "/provision"), ("POST", "/api/containers/create"),
    ("GET", "/api/containers"), ("GET", "/api/agent/5000/status"), ("POST", "/api/agent/5000/start"),
    ("POST", "/api/heartbeat"), ("POST", "/internal/agents/5000/heartbeat"),
]  # fmt: skip


@pytest.mark.seed("S6", "S12", "S28", "S30", "S73", "S74", "S108", "S109")
@pytest.mark.parametrize(("method", "path"), ARCHIVED)
async def test_the_old_doors_are_gone(ann: Caller, method: str, path: str) -> None:
    reply = await ann.call(method, path, {} if method == "POST" else None)
    assert (reply.status, reply.body["error"]) in {(404, "not_found"), (405, "method_not_allowed")}


async def test_a_large_body_is_413(anyone: Caller) -> None:
    reply = await anyone.call("POST", "/api/auth/login", data=io.BytesIO(b"x" * (1 << 21)))
    assert (reply.status, reply.body["error"]) == (413, "body_too_large")


async def test_a_large_body_of_unknown_length_is_413(anyone: Caller) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b"x" * 65536

    reply = await anyone.call("POST", "/api/auth/login", data=endless())
    assert reply.status in {400, 413}


async def test_health_and_ready(anyone: Caller) -> None:
    health = await anyone.get("/api/health")
    assert (health.body["status"], health.body["service"]) == ("ok", "zpack-api")
    assert (await anyone.get("/api/ready")).body == {"ready": True, "waiting": {}}


async def test_the_api_describes_itself(anyone: Caller) -> None:
    assert "/api/instances" in (await anyone.get("/openapi.json")).body["paths"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["email", "username", "password", "identifier", "game", "variant", "version", "world", "memoryMiB", "ctype",
     "command", "server_name", "status", "firstName", "cpuCores", "container_type"]
)  # fmt: skip
places = st.sampled_from(
    ["/api/auth/register", "/api/auth/login", "/api/instances", "/api/servers/5000/console/command",
     "/api/operations/x/cancel", "/api/servers/5000/game/start", "/internal/velocity/proxy-status"]
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=places, body=st.one_of(json_values, st.dictionaries(fields, json_values, max_size=6)))
async def test_no_json_makes_a_500(ann: Caller, place: str, body: Any) -> None:
    reply = await ann.post(place, body)
    assert reply.status < 500 or reply.status == 503, (place, body, reply)
    if reply.status >= 400:
        assert isinstance(reply.body["error"], str)


segments = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8)
numbers = st.integers(-1, 10**20).map(str) | st.sampled_from(
    ["5000", "5999", "6000", "NaN", "1e3", "\u0665\u0660\u0660\u0660"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_no_address_makes_a_500(ann: Caller, rules: dict[str, str | None], data: st.DataObject) -> None:
    places = sorted(
        route for route in rules if route not in {ENDLESS, FIGURES} and not route.startswith(SOCKET)
    )
    method, path = data.draw(st.sampled_from(places)).split(" ")
    filled = re.sub(r"\{\w+\}", lambda _: quote(data.draw(segments | numbers), safe=""), path)
    query = {name: data.draw(segments | numbers) for name in ("wait", "after", "dryRun")}
    query["wait"] = query["wait"] if data.draw(st.booleans()) else "0"
    key = {
        "Idempotency-Key": data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
    }
    reply = await ann.call(method, f"{filled}?{urlencode(query)}", headers=key)
    assert reply.status < 500 or reply.body["error"] in AWAY, (method, filled, query, reply)
