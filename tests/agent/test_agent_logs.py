"""The agent's log: a JSON object a line, of bounded size, in which no secret ever appears."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

from tests.agent.bench import agent_beside, eventually

from zpack.agent.logs import MAX_TEXT, MAX_TRACE, JsonLines, hide

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import StoreServer

CANARIES = {
    name: f"canary-{name}-0123456789" for name in ("template", "first", "second", "guess", "password")
}


def line(message: str, *arguments: object, trace: Any = None) -> dict[str, Any]:
    text = JsonLines().format(
        logging.LogRecord("zpack.agent", logging.INFO, __file__, 1, message, arguments, trace)
    )
    assert "\n" not in text
    return json.loads(text)


async def test_a_life_with_secrets_logs_none(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, ZLH_AGENT_TOKEN=CANARIES["template"]) as client:
        client.token = CANARIES["guess"]
        assert (await client.post("/stop"))[0] == 401
        client.token = CANARIES["template"]
        wanted = client.payload(agent_token=CANARIES["first"], admin_pass=CANARIES["password"])
        assert (await client.post("/config", wanted))[0] == 202
        client.token = CANARIES["first"]
        await client.reaches("running")
        await client.post("/console/command", {"command": f"say {CANARIES['password']}"})
        await client.post("/config", wanted | {"agent_token": CANARIES["second"]})
        client.token = CANARIES["second"]
        await client.post("/config", client.payload(admin_pass=[CANARIES["password"]]))
        await client.post(f"/nothing?token={CANARIES['second']}")
        await client.type("crash 3")

        async def crashed() -> bool:
            return (await client.status())["crashCount"] == 1

        await eventually(crashed)
    log = (tmp_path / "agent.log").read_text()
    assert [name for name, canary in CANARIES.items() if canary in log] == []
    assert all({"ts", "level", "logger", "msg"} <= set(json.loads(each)) for each in log.splitlines())
    assert "ended unexpectedly" in log


async def test_what_a_request_begins_is_logged_under_its_id(tmp_path: Path, store: StoreServer) -> None:
    async with agent_beside(tmp_path, store, ARTIFACT_BASE_URL="") as client:
        headers = {"X-Request-Id": "req_from-control.1"}
        await client.http.post(client.url + "/config", json=client.payload(), headers=headers)
        await client.reaches("error")
        await client.http.post(client.url + "/stop", headers={"X-Request-Id": "x" * 65})
    lines = [json.loads(each) for each in (tmp_path / "agent.log").read_text().splitlines()]
    named = {each["msg"]: each.get("requestId") for each in lines}
    assert named["POST /config answered 202"] == "req_from-control.1"
    assert named["ARTIFACT_BASE_URL is not set, so nothing can be installed"] == "req_from-control.1"
    assert named["POST /stop answered 204"] is None


def test_no_line_can_be_forged_or_grow() -> None:
    said = line('two\nlines", "level": "critical', *[])
    assert said["msg"].startswith("two\nlines")
    assert said["level"] == "info"
    assert len(line("x" * 10**6)["msg"]) == MAX_TEXT


def test_a_trace_is_kept_within_bounds_and_without_secrets() -> None:
    hide("a-secret'with-a-quote")
    try:
        {}["x" * MAX_TRACE + "a-secret'with-a-quote Authorization: Bearer abc.def"]
    except KeyError:
        trace = line("failed", trace=sys.exc_info())["trace"]
    assert len(trace) == MAX_TRACE
    assert "a-secret" not in trace
    assert "abc.def" not in trace


def test_half_a_secret_is_not_left_by_a_cut() -> None:
    hide("sixteen-letters-")
    assert "sixteen" not in line("x" * (MAX_TEXT - 8) + "sixteen-letters-")["msg"]


def test_a_wrong_format_costs_no_event() -> None:
    assert line("%d things", "many")["msg"] == "%d things"
