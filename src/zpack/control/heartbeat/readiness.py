"""The one place that decides whether a workload is ready (contract §4.1, rows S19-S26).

Provisioning, the poller, the server list and the status route all ask here, so that ``agentReady`` means
the same thing everywhere. HTTP 200 is not enough: the body must say ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REASON_LIMIT = 500
NOT_READY_STATES = frozenset({"idle", "stopped", "installing", "stopping", "crashed", "error"})
"""States of §4.1 in which no workload can be ready, whatever ``/ready`` says."""


@dataclass(frozen=True)
class Readiness:
    """Whether the workload is ready, who said so, and why not."""

    ready: bool
    source: str | None = None
    reason: str | None = None


def decide_readiness(status: int, body: Any, told: Mapping[str, Any]) -> Readiness:
    """Judge one answer of ``GET /ready`` beside what ``/status`` told at the same time.

    Args:
        status: the HTTP status of ``/ready``.
        body: its parsed JSON, or whatever the agent sent instead.
        told: the object of ``/status``.

    Returns:
        Ready only for a 200 whose body is an object with ``ready`` exactly true, and only when ``/status``
        does not say in the same breath that nothing runs.
    """
    if not isinstance(body, dict):
        return Readiness(ready=False, reason=f"the agent answered /ready with {status} and no object")
    if status != 200 or body.get("ready") is not True:  # noqa: PLR2004 - HTTP 200
        return Readiness(ready=False, reason=_text(body.get("readyError")) or f"not ready (HTTP {status})")
    state = told.get("state")
    if isinstance(state, str) and state in NOT_READY_STATES:
        return Readiness(ready=False, reason=f"the agent says ready, and state {state}")
    if told.get("processRunning") is False:
        return Readiness(ready=False, reason="the agent says ready, and that no process runs")
    return Readiness(ready=True, source=_text(body.get("readySource")) or "agent")


def failure_of(status: Mapping[str, Any]) -> str | None:
    """Return the agent's reason when ``/status`` says that waiting is useless, else None."""
    if status.get("state") != "error":
        return None
    return _text(status.get("error")) or _text(status.get("readyError")) or "the agent reported an error"


def _text(value: Any) -> str | None:
    return value[:REASON_LIMIT] if isinstance(value, str) and value else None
