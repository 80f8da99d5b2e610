"""The ladder of non-payment: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from zpack.control.billing.ladder import RUNGS, Days, Ladder, step

DAYS = Days()
DUE = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = st.integers(-24 * 30, 24 * 120)
TIMES = st.lists(HOURS, max_size=60)


def climbed(hours: list[int], ladder: Ladder = Ladder()) -> tuple[Ladder, list[str]]:  # noqa: B008 - frozen
    """Look at those hours after the payment was due; return where that leads and what was done."""
    done: list[str] = []
    for each in hours:
        ladder, action = step(ladder, owed_since=DUE, now=DUE + timedelta(hours=each), days=DAYS)
        done += [action] if action else []
    return ladder, done


def test_every_rung_is_reached_on_its_day() -> None:
    ladder, done = climbed(list(range(24 * 61)))
    assert tuple(done) == RUNGS
    found = [(moment - DUE).days for moment in ladder.reached]
    assert found == [0, 3, 5, 7, 30, 60]


@given(TIMES)
def test_no_rung_is_left_out_or_taken_twice_whatever_the_clock_does(hours: list[int]) -> None:
    _, done = climbed(hours)
    assert tuple(done) == RUNGS[: len(done)]


@given(TIMES)
def test_nobody_is_suspended_without_the_notice_they_were_promised(hours: list[int]) -> None:
    ladder, _ = climbed(hours)
    for below, rung in pairwise(RUNGS):
        lower, upper = ladder.at(below), ladder.at(rung)
        if lower is not None and upper is not None:
            assert upper - lower >= DAYS.of(rung) - DAYS.of(below)
            assert upper >= DUE + DAYS.of(rung)


@given(TIMES, HOURS)
def test_it_never_goes_down_while_something_is_owed(hours: list[int], more: int) -> None:
    ladder, _ = climbed(hours)
    after, _ = climbed([more], ladder)
    assert after.reached[: len(ladder.reached)] == ladder.reached


@given(TIMES)
def test_who_pays_is_free_at_once(hours: list[int]) -> None:
    ladder, _ = climbed(hours)
    after, action = step(ladder, owed_since=None, now=DUE, days=DAYS)
    assert (after, action) == (Ladder(), "recovered" if hours else None)


@given(st.integers(0, 24 * 365))
def test_a_long_absence_of_the_worker_costs_nobody_their_notice(away: int) -> None:
    ladder, done = climbed([away, away, away, away, away])
    assert len(done) <= 1
    suspension = ladder.due("suspended", DAYS)
    assert suspension is not None
    assert suspension - (DUE + timedelta(hours=away)) >= timedelta() or not done


@given(TIMES)
def test_the_date_in_a_mail_is_kept(hours: list[int]) -> None:
    ladder, _ = climbed(hours)
    promised = ladder.due("suspended", DAYS)
    later, done = climbed(list(range(0, 24 * 150, 12)), ladder)
    suspended = later.at("suspended")
    if "suspended" in done and promised is not None:
        assert suspended is not None
        assert suspended >= promised
