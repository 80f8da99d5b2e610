"""Whether a server is in use, and when it stops: pure, time is a value.

Nothing is concluded from silence: without evidence that nobody uses a server, it counts as used.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from zpack.control.idle.models import MINUTES_MOST, Judged, Rule, Use

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from zpack.control.idle.models import Watched

DEFAULT_MINUTES = 30.0
CONFIRM = timedelta(seconds=60)
"""For so long, or a quarter of a shorter time, one worker must have seen that nobody is there."""
RETRY = timedelta(seconds=60)
"""After a stop of ours failed, the next one waits for this."""
WAKE_MOST = timedelta(minutes=10)
"""A server that is not ready so long after it was woken is no longer waited for."""
NO_GAME = frozenset({"idle", "stopped"})
Presence = tuple[Literal["quiet", "used", "unknown"], str]


def rule_of(plan: Mapping[str, Any] | None, enabled: bool | None, minutes: float | None) -> Rule:  # noqa: FBT001 - two words of one row
    """Return what holds, of the plan's word and the owner's. Off, unless one of them says otherwise."""
    if plan is None:
        return Rule(enabled is True, minutes or DEFAULT_MINUTES, MINUTES_MOST)
    most, required = float(plan["minutes"]), plan.get("required") is True
    chosen = min(minutes, most) if minutes is not None else most
    return Rule(required or enabled is not False, chosen, most, required)


def presence(server: Watched, word: Mapping[str, Any] | None) -> Presence:
    """Return whether anybody is there now, on the agent's last word, and what says so."""
    if server.busy is not None:
        return "used", f"operation {server.busy}"
    if word is None or word.get("hostOnline") is not True:
        return "unknown", "its agent does not answer"
    if word.get("operationInProgress") is True or word.get("maintenance") is True:
        return "used", f"operation {word.get('operationType') or 'in progress'}"
    return ("quiet", "nobody works in it") if server.ctype == "dev" else _players(word)


def _players(word: Mapping[str, Any]) -> Presence:
    state, players = word.get("state"), word.get("players")
    if state in NO_GAME:
        return "quiet", "the game is stopped"
    if word.get("ready") is not True or not isinstance(players, dict):
        return "unknown", "who plays is not known"
    online = players.get("online")
    if isinstance(online, bool) or not isinstance(online, int):
        return "unknown", "who plays is not known"
    return ("quiet", "no players") if online <= 0 else ("used", f"{online} playing")


def judge(
    server: Watched,
    rule: Rule,
    word: Mapping[str, Any] | None,
    *,
    noted: Use | None,
    quiet_since: datetime | None,
    grace: timedelta,
    now: datetime,
) -> Judged:
    """Return when a running server stops, and whether that is now.

    ``noted`` is the latest traffic of IDEs and shells, ``quiet_since`` the beginning of the present run of
    looks that found nobody.
    """
    there, evidence = presence(server, word)
    if there != "quiet":
        return Judged(now, evidence, None, f"Does not stop: {evidence}.")
    use = last_use(server, noted, grace=grace, now=now)
    window = timedelta(minutes=rule.minutes)
    stops_at = max(use.at + window, server.keep_until or use.at)
    confirmed = quiet_since is not None and now - quiet_since >= min(CONFIRM, window / 4)
    due = now >= stops_at and confirmed and not server.suspended and not _must_wait(server, now)
    return Judged(use.at, use.what, stops_at, told(stops_at, use, server.keep_until), stop=due, quiet=True)


def last_use(server: Watched, noted: Use | None, *, grace: timedelta, now: datetime) -> Use:
    """Return the latest sign of use; none lies in the future."""
    signs = [Use(server.started_at + grace, "started")]
    if server.active_at is not None:
        signs.append(Use(server.active_at, server.activity or "in use"))
    if server.done_at is not None:
        signs.append(Use(server.done_at, server.done or "changed"))
    if noted is not None:
        signs.append(noted)
    latest = max(signs, key=lambda use: use.at)
    return Use(min(latest.at, now), latest.what)


def told(stops_at: datetime, use: Use, keep_until: datetime | None) -> str:
    """Return the reason as people read it; times are UTC."""
    kept = ", kept by request" if keep_until == stops_at else ""
    return f"Stops at {_clock(stops_at)} UTC: last activity {_clock(use.at)} ({use.what}){kept}."


def stopped_because(server: Watched, judged: Judged) -> str:
    """Return the reason that stays with a server that was stopped."""
    how = "it starts again when somebody comes" if server.wake else "start it to use it again"
    return f"Stopped because idle since {_clock(judged.active_at)} UTC ({judged.activity}); {how}."


def has_woken(server: Watched, word: Mapping[str, Any] | None, *, running: bool) -> bool:
    """Say whether a sleeping server is up again, whoever started it."""
    if server.busy is not None or not running:
        return False
    return server.woken_at is None or _is_ready(word)


def _is_ready(word: Mapping[str, Any] | None) -> bool:
    """Say whether a woken server is of use: of a dev container that has one, the IDE too."""
    if word is None or word.get("ready") is not True:
        return False
    return word.get("codeServerRequested") is not True or word.get("codeServerRunning") is True


def wake_failed(server: Watched, now: datetime) -> bool:
    """Say whether a wake is no longer waited for."""
    if server.woken_at is None or server.busy is not None:
        return False
    return server.operation_status in {"failed", "cancelled"} or now - server.woken_at > WAKE_MOST


def _must_wait(server: Watched, now: datetime) -> bool:
    failed = server.operation_status in {"failed", "cancelled"}
    return failed and server.operation_ended is not None and now - server.operation_ended < RETRY


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"
