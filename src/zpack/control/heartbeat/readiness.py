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


@dataclass(frozen=True)
class Readiness:
    """Whether the workload is ready, who said so, and why not."""

    ready: bool
    source: str | None = None
    reason: str | None = None


def decide_readiness(status: int, body: Any) -> Readiness:
    """Judge one answer of ``GET /ready``.

    Args:
        status: its HTTP status.
        body: its parsed JSON, or whatever the agent sent instead.

    Returns:
        Ready only for a 200 whose body is an object with ``ready`` exactly true.
    """
    if not isinstance(body, dict):
        return Readiness(ready=False, reason=f"the agent answered /ready with {status} and no object")
    if status == 200 and body.get("ready") is True:  # noqa: PLR2004 - HTTP 200
        return Readiness(ready=True, source=_text(body.get("readySource")) or "agent")
    return Readiness(ready=False, reason=_text(body.get("readyError")) or f"not ready (HTTP {status})")


def failure_of(status: Mapping[str, Any]) -> str | None:
    """Return the agent's reason when ``/status`` says that waiting is useless, else None."""
    if status.get("state") != "error":
        return None
    return _text(status.get("error")) or _text(status.get("readyError")) or "the agent reported an error"


def _text(value: Any) -> str | None:
    return value[:REASON_LIMIT] if isinstance(value, str) and value else None
