"""Sends spans to a collector by OTLP over HTTP; the only module that knows OpenTelemetry.

Imported only when ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set. The SDK reads its own variables
(``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS``, …). It sends from a thread of
its own: a collector that is slow, away or hostile costs spans, never a request.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.tracing import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Generator

    from zpack.control.engine.tracing import Fact, Kind

ATTRIBUTES, TEXT_LIMIT = 32, 200
KINDS = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
}
W3C = TraceContextTextMapPropagator()


class OtlpSpan:
    """One span of OpenTelemetry's."""

    def __init__(self, made: trace.Span) -> None:
        self._made = made

    def note(self, **facts: Fact) -> None:
        """Add attributes; ``vmid=…`` becomes ``zpack.vmid``, ``http_route=…`` becomes ``http.route``."""
        for name, value in facts.items():
            if value is not None:
                self._made.set_attribute(_attribute(name), value)

    def name(self, name: str) -> None:
        """Call it something better than at its begin."""
        self._made.update_name(name)

    def fail(self, why: str) -> None:
        """Mark it as failed."""
        self._made.set_status(trace.StatusCode.ERROR, why[:TEXT_LIMIT])


class OtlpTracer:
    """Makes spans and sends them, a batch at a time."""

    def __init__(self, *, service: str, version: str) -> None:
        named = {SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME") or service, SERVICE_VERSION: version}
        self._provider = TracerProvider(
            resource=Resource.create(named),
            span_limits=SpanLimits(max_span_attributes=ATTRIBUTES, max_span_attribute_length=TEXT_LIMIT),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("zpack")
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)

    @contextmanager
    def span(
        self, name: str, *, kind: Kind, parent: str | None, link: str | None, facts: dict[str, Fact]
    ) -> Generator[OtlpSpan]:
        """Return a span that is current while it is open."""
        made = self._tracer.start_span(
            name,
            context=_remote(parent),
            kind=KINDS[kind],
            links=[trace.Link(told)] if (told := _told(link)) else None,
        )
        found = OtlpSpan(made)
        found.note(**facts)
        with trace.use_span(made, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield found
            except Exception as failure:
                found.fail(_why(failure))
                raise

    def here(self) -> str | None:
        """Return the current span as a ``traceparent``."""
        carrier: dict[str, str] = {}
        W3C.inject(carrier)
        return carrier.get(TRACEPARENT)

    def close(self) -> None:
        """Send what waits, and end; blocks for as long as the collector lets it."""
        self._provider.shutdown()


def _remote(parent: str | None) -> Context | None:
    return None if parent is None else W3C.extract({TRACEPARENT: parent})


def _told(link: str | None) -> trace.SpanContext | None:
    """Return the context of a header that anybody may have written; None when it is none."""
    if link is None:
        return None
    found = trace.get_current_span(W3C.extract({TRACEPARENT: link}, context=Context())).get_span_context()
    return found if found.is_valid else None


def _attribute(name: str) -> str:
    """Return a keyword as OpenTelemetry's conventions name it."""
    first, found, _ = name.partition("_")
    return name.replace("_", ".", 1) if found and first in {"http", "server"} else f"zpack.{name}"


def _why(failure: Exception) -> str:
    """Return our own words for our own errors; of any other only its kind, for its text may hold anything."""
    if isinstance(failure, Refusal):
        return failure.code
    return failure.message if isinstance(failure, ForeignError) else type(failure).__name__
