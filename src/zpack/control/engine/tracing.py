"""Spans: which part of a request, workflow or foreign call took how long, in one trace across processes.

Nothing of OpenTelemetry is imported here. Until :func:`trace_with` is told a tracer, every call below costs a
comparison and returns the same idle span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, Self

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

Kind = Literal["internal", "server", "client"]
Fact = str | int | float | bool | None
TRACEPARENT = "traceparent"
"""The header and the key of a workflow's state in which a trace is passed on (W3C Trace Context)."""


class Span(Protocol):
    """A piece of work that takes time. An exception that leaves it marks it as failed."""

    def note(self, **facts: Fact) -> None:
        """Add attributes, None left out; never a secret, a query, or what a person wrote."""
        ...

    def name(self, name: str) -> None:
        """Call it something better than at its begin."""
        ...

    def fail(self, why: str) -> None:
        """Mark it as failed without an exception."""
        ...


class Tracer(Protocol):
    """What makes spans real."""

    def span(
        self, name: str, *, kind: Kind, parent: str | None, link: str | None, facts: dict[str, Fact]
    ) -> AbstractContextManager[Span]:
        """Return a span below ``parent``, or below the current one, that is current while it is open."""
        ...

    def here(self) -> str | None:
        """Return the current span as a ``traceparent``."""
        ...


class _Idle:
    """The span of a process that is not traced."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def note(self, **facts: Fact) -> None:
        """Do nothing."""

    def name(self, name: str) -> None:
        """Do nothing."""

    def fail(self, why: str) -> None:
        """Do nothing."""


IDLE = _Idle()


class _Tracing:
    """The tracer of this process, if any."""

    tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Trace from now on, or no longer."""
    _Tracing.tracer = tracer


def span(
    name: str, *, kind: Kind = "internal", parent: str | None = None, link: str | None = None, **facts: Fact
) -> AbstractContextManager[Span]:
    """Return a span below ``parent`` (a ``traceparent``), or below the current one.

    ``link`` is a ``traceparent`` that somebody else told us: noted, and not believed.
    """
    tracer = _Tracing.tracer
    if tracer is None:
        return IDLE
    return tracer.span(name, kind=kind, parent=parent, link=link, facts=facts)


def call(name: str, **facts: Fact) -> AbstractContextManager[Span]:
    """Return a span of a foreign call; only within another span, so that polling makes no traces."""
    tracer = _Tracing.tracer
    if tracer is None or tracer.here() is None:
        return IDLE
    return tracer.span(name, kind="client", parent=None, link=None, facts=facts)


def here() -> str | None:
    """Return the current span as a ``traceparent``, for whoever goes on elsewhere or later."""
    tracer = _Tracing.tracer
    return None if tracer is None else tracer.here()


def passed_on() -> dict[str, str]:
    """Return the header by which a program of ours continues this trace; none outside of one."""
    found = here()
    return {} if found is None else {TRACEPARENT: found}
