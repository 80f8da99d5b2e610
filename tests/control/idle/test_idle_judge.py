"""When a server stops: pure, so time is a value and no test waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zpack.control.idle.models import Judged, Rule, Use, Watched
from zpack.control.idle.resolve import has_woken, judge, presence, rule_of, wake_failed

AT = datetime(2026, 3, 1, 18, 10, tzinfo=UTC)
RULE = Rule(enabled=True, minutes=30, most=60)
NOBODY = {"hostOnline": True, "state": "running", "ready": True, "players": {"online": 0}}
SERVER = Watched(
    vmid=5000, owner="u", hostname="mc-5000", ctype="game", game="minecraft", ip="127.0.0.1", seed="s",
    started_at=AT - timedelta(days=1), busy=None, suspended=False, published=True, sleeping=False, plan=None,
    done_at=None, done=None, enabled=True, minutes=30, wake=True, keep_until=None, active_at=AT,
    activity="1 playing", stops_at=None, reason=None, asleep_since=None, woken_at=None, wake_seconds=None,
    operation_status=None, operation_ended=None,
)  # fmt: skip


def after(minutes: float, server: Watched = SERVER, word: Any = NOBODY, **more: Any) -> Judged:
    """Judge a server so many minutes after 18:10."""
    facts: dict[str, Any] = {"noted": None, "quiet_since": AT, "grace": timedelta(minutes=5)}
    return judge(server, RULE, word, **(facts | more), now=AT + timedelta(minutes=minutes))


def test_it_says_when_and_why_it_stops() -> None:
    found = after(5)
    assert found.reason == "Stops at 18:40 UTC: last activity 18:10 (1 playing)."
    assert (found.stops_at, found.stop) == (AT + timedelta(minutes=30), False)


@pytest.mark.parametrize(("minutes", "stops"), [(29.9, False), (30, True)])
def test_it_stops_when_its_time_is_over(minutes: float, stops: bool) -> None:
    assert after(minutes).stop is stops


@pytest.mark.parametrize(
    "word",
    [
        None,
        {"hostOnline": False},
        {"hostOnline": True, "state": "starting", "ready": False},
        {"hostOnline": True, "state": "crashed", "ready": False, "players": {"online": 0}},
        {"hostOnline": True, "state": "running", "ready": True},
        {"hostOnline": True, "state": "running", "ready": True, "players": None},
        {"hostOnline": True, "state": "running", "ready": True, "players": {"online": "0"}},
        {"hostOnline": True, "state": "running", "ready": True, "players": {"online": False}},
        NOBODY | {"operationInProgress": True, "operationType": "backup"},
        NOBODY | {"players": {"online": 2}},
    ],
)
def test_without_evidence_that_nobody_is_there_nothing_stops(word: Any) -> None:
    found = after(600, word=word)
    assert (found.stop, found.stops_at, found.quiet) == (False, None, False)


def test_an_unfinished_operation_keeps_it() -> None:
    assert after(600, replace(SERVER, busy="host-restart")).stop is False


@pytest.mark.parametrize(
    "more",
    [
        {"keep_until": AT + timedelta(minutes=70)},
        {"done_at": AT + timedelta(minutes=50), "done": "files.write"},
        {"started_at": AT + timedelta(minutes=40)},
        {"suspended": True},
        {"operation_status": "failed", "operation_ended": AT + timedelta(minutes=59.5)},
    ],
)
def test_what_puts_a_stop_off(more: dict[str, Any]) -> None:
    assert after(60).stop
    assert not after(60, replace(SERVER, **more)).stop


def test_traffic_counts_and_is_named() -> None:
    found = after(60, noted=Use(AT + timedelta(minutes=45), "ide.traffic"))
    assert found.reason == "Stops at 19:25 UTC: last activity 18:55 (ide.traffic)."


def test_kept_by_request_it_says_so() -> None:
    found = after(60, replace(SERVER, keep_until=AT + timedelta(minutes=70)))
    assert found.reason == "Stops at 19:20 UTC: last activity 18:10 (1 playing), kept by request."


@pytest.mark.parametrize("since", [None, AT + timedelta(minutes=59.5)])
def test_a_worker_that_has_just_begun_to_look_stops_nothing(since: datetime | None) -> None:
    assert not after(60, quiet_since=since).stop


def test_a_clock_that_is_ahead_does_not_keep_a_server_for_ever() -> None:
    assert after(5, replace(SERVER, active_at=AT + timedelta(days=9))).active_at == AT + timedelta(minutes=5)


def test_a_stopped_game_is_used_by_nobody() -> None:
    assert presence(SERVER, {"hostOnline": True, "state": "idle"})[0] == "quiet"


def test_a_dev_container_has_no_players() -> None:
    assert presence(replace(SERVER, ctype="dev"), {"hostOnline": True, "state": "idle"})[0] == "quiet"


@pytest.mark.parametrize(
    ("plan", "enabled", "minutes", "found"),
    [
        (None, None, None, (False, 30)),
        (None, True, 45, (True, 45)),
        ({"minutes": 60}, None, None, (True, 60)),
        ({"minutes": 60}, False, None, (False, 60)),
        ({"minutes": 60, "required": True}, False, None, (True, 60)),
        ({"minutes": 60}, True, 20, (True, 20)),
        ({"minutes": 60}, True, 90, (True, 60)),
    ],
)
def test_the_plan_s_word_and_the_owner_s(plan: Any, enabled: Any, minutes: Any, found: Any) -> None:
    rule = rule_of(plan, enabled, minutes)
    assert (rule.enabled, rule.minutes) == found


def test_a_woken_server_is_up_when_it_is_ready() -> None:
    woken = replace(SERVER, asleep_since=AT, woken_at=AT, operation_status="succeeded")
    assert not has_woken(woken, NOBODY | {"ready": False}, running=True)
    assert has_woken(woken, NOBODY, running=True)


def test_a_woken_dev_container_is_up_when_its_ide_is() -> None:
    woken = replace(SERVER, ctype="dev", asleep_since=AT, woken_at=AT, operation_status="succeeded")
    word = {"hostOnline": True, "ready": True, "codeServerRequested": True, "codeServerRunning": False}
    assert not has_woken(woken, word, running=True)
    assert has_woken(woken, word | {"codeServerRunning": True}, running=True)


def test_a_wake_that_fails_may_be_tried_again() -> None:
    woken = replace(SERVER, asleep_since=AT, woken_at=AT, operation_status="failed")
    assert wake_failed(woken, AT)
    assert not wake_failed(replace(woken, operation_status="succeeded"), AT + timedelta(minutes=9))
    assert wake_failed(replace(woken, operation_status="succeeded"), AT + timedelta(minutes=11))
