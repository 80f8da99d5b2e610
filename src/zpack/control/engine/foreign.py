"""Watches one call to a foreign system: counted, timed, and a span when it belongs to something traced."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zpack.control.engine import measures, tracing
from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import Generator

SERVER_ERROR, CLIENT_ERROR, REDIRECT = 500, 400, 300


class Call:
    """One call under way; ``status`` is what was answered."""

    def __init__(self, span: tracing.Span) -> None:
        self._span = span
        self.status: int | None = None

    def answered(self, status: int) -> None:
        """Note the HTTP status."""
        self.status = status
        self._span.note(http_response_status_code=status)
        if status >= SERVER_ERROR:
            self._span.fail(f"answered {status}")


@contextmanager
def foreign_call(system: str, method: str) -> Generator[Call]:
    """Watch what happens within; ``system`` is a foreign system's name as errors call it."""
    name = system_label(system)
    began = time.perf_counter()
    outcome = "cancelled"
    with tracing.call(f"{name} {method}", server=name, http_request_method=method) as span:
        call = Call(span)
        try:
            yield call
            outcome = _outcome(call.status)
        except ForeignError as failure:
            outcome = "timeout" if isinstance(failure.__cause__, TimeoutError) else _failed(failure)
            raise
        finally:
            _count(name, outcome, time.perf_counter() - began)


def system_label(name: str) -> str:
    """Return the label of a foreign system: ``the game proxy`` is ``game_proxy``."""
    return name.removeprefix("the ").lower().replace(" ", "_")


def _outcome(status: int | None) -> str:
    if status is None or status < REDIRECT:
        return "ok"
    if status >= SERVER_ERROR:
        return "server_error"
    return "client_error" if status >= CLIENT_ERROR else "redirect"


def _failed(failure: ForeignError) -> str:
    if not failure.transient:
        return "refused"
    return "broken" if failure.timed_out else "unreachable"


def _count(system: str, outcome: str, seconds: float) -> None:
    measures.FOREIGN_CALLS.labels(system, outcome).inc()
    if outcome == "cancelled":
        return
    measures.FOREIGN_SECONDS.labels(system).observe(seconds)
    up = outcome not in {"server_error", "timeout", "broken", "unreachable"}
    measures.FOREIGN_UP.labels(system).set(up)
