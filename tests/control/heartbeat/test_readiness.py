"""Readiness is one pure function; these are its cases."""

from __future__ import annotations

from typing import Any

import pytest

from zpack.control.heartbeat.readiness import decide_readiness, failure_of


@pytest.mark.seed("S21", "S22", "S23")
@pytest.mark.parametrize(
    ("status", "body", "ready"),
    [
        (200, {"ready": True, "readySource": "minecraft_ping"}, True),
        (200, {"ready": True}, True),
        (200, {"ready": False}, False),
        (200, {"ready": "true"}, False),
        (200, {"ready": 1}, False),
        (200, {}, False),
        (200, "ok", False),
        (200, [True], False),
        (200, None, False),
        (503, {"ready": True}, False),
        (503, {"ready": False, "readyError": "still installing"}, False),
        (404, {"error": "not_found"}, False),
    ],
)
def test_only_a_body_that_says_ready_is_ready(status: int, body: Any, ready: bool) -> None:
    assert decide_readiness(status, body, {}).ready is ready


@pytest.mark.seed("S20", "S26")
@pytest.mark.parametrize(
    ("told", "ready"),
    [
        ({}, True),
        ({"state": "running", "processRunning": True}, True),
        ({"state": "running", "processRunning": False}, False),
        *(({"state": state}, False) for state in ("idle", "stopped", "installing", "crashed", "error")),
        ({"state": "something new"}, True),
        ({"state": {"x": 1}, "processRunning": "no"}, True),
    ],
)
def test_what_status_tells_at_the_same_time_must_agree(told: dict[str, Any], ready: bool) -> None:
    assert decide_readiness(200, {"ready": True}, told).ready is ready


def test_the_source_and_the_reason_are_kept() -> None:
    assert (
        decide_readiness(200, {"ready": True, "readySource": "minecraft_ping"}, {}).source == "minecraft_ping"
    )
    assert decide_readiness(503, {"ready": False, "readyError": "no java"}, {}).reason == "no java"


def test_a_long_reason_is_cut() -> None:
    assert len(decide_readiness(503, {"readyError": "x" * 9000}, {}).reason or "") == 500


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"state": "error", "error": "disk full"}, "disk full"),
        ({"state": "error", "error": None, "readyError": "no ping"}, "no ping"),
        ({"state": "error", "error": {"x": 1}}, "the agent reported an error"),
        ({"state": "installing"}, None),
        ({"state": "crashed", "error": "x"}, None),
        ({}, None),
    ],
)
def test_only_the_error_state_ends_the_wait(status: dict[str, Any], reason: str | None) -> None:
    assert failure_of(status) == reason
