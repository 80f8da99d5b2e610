"""What watching costs: spans while nothing is traced and while it is, the count of a request, the page itself.

Each beside its yardstick in this process: an empty ``with``, the same application without the count.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from prometheus_client import generate_latest

from zpack.control.engine import measures, tracing
from zpack.control.engine.foreign import foreign_call
from zpack.control.engine.traffic import Traffic
from zpack.control.outside.otlp import OtlpTracer

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS, REQUESTS = 200_000, 20_000
ROUTES, STATUSES = 200, (200, 404, 500)
NOTHING = nullcontext()
MODULES = "import sys, resource; import zpack.control.serving{more}; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def each(name: str, what: Callable[[], object], rounds: int = ROUNDS) -> None:
    """Print what one call takes."""
    began = time.perf_counter()
    for _ in range(rounds):
        what()
    print(f"{name:<44} {(time.perf_counter() - began) / rounds * 1e6:8.2f} µs")


def empty() -> None:
    """Enter and leave nothing."""
    with NOTHING:
        pass


def spanned() -> None:
    """Enter and leave a span."""
    with tracing.span("step", workflow="instance-create") as span:
        span.note(vmid=5000)


def called() -> None:
    """Watch a foreign call that takes no time."""
    with foreign_call("Proxmox", "GET") as call:
        call.answered(200)


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def requests(app: Any) -> float:
    """Return the microseconds of one request."""

    async def nobody(_message: object = None) -> Any:
        return {}

    began = time.perf_counter()
    for _ in range(REQUESTS):
        await app({"type": "http", "method": "GET", "headers": [], "state": {}}, nobody, nobody)
    return (time.perf_counter() - began) / REQUESTS * 1e6


def resident(more: str) -> int:
    """Return the MiB of a process that has imported what serves, and perhaps more."""
    code = MODULES.format(more=more)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) >> 10


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    each("an empty with", empty)
    each("a span while nothing is traced", spanned)
    each("a foreign call, counted and timed", called)
    print(
        f"a request, alone and counted: {asyncio.run(requests(answer)):.2f}, {asyncio.run(requests(Traffic(answer))):.2f} µs"
    )
    tracer = OtlpTracer(service="bench", version="0")
    tracing.trace_with(tracer)
    each("a span while all is traced, nobody listening", spanned, ROUNDS // 10)
    tracing.trace_with(None)
    for number in range(ROUTES):
        for status in STATUSES:
            measures.REQUESTS.labels("GET", f"/r/{number}", status).inc()
        measures.REQUEST_SECONDS.labels("GET", f"/r/{number}").observe(0.1)
    page = generate_latest(measures.REGISTRY)
    each(
        f"the page with {ROUTES} routes, {len(page) >> 10} KiB",
        lambda: generate_latest(measures.REGISTRY),
        10,
    )
    print(
        f"resident with the exporter loaded and without: {resident(', zpack.control.outside.otlp')}, {resident('')} MiB"
    )


if __name__ == "__main__":
    main()
