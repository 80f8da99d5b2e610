"""``/live``: tells a page that something changed, by server-sent events; it then asks for what it shows.

The API's events carry whole states; a page needs to know only which of its parts are old. So each is told by
name alone, and a browser that sleeps costs nothing: it asks again when it is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response, StreamingResponse

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from starlette.requests import Request

    from zpack.portal.api import Api
    from zpack.portal.routes import Reception

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "content-encoding": "identity"}
KINDS = {
    "server.status": "server",
    "server.deleted": "gone",
    "operation.updated": "operation",
    "ticket.updated": "ticket",
}
IDENTITIES = ("id", "vmid", "serverId", "server_id")


def endpoint(reception: Reception) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers ``GET /live``."""

    async def serve(request: Request) -> Response:
        visit = await reception.visit(request)
        if not visit.session.known:
            return Response(status_code=204)  # WHATWG HTML §9.2.3: who gets this does not come again
        stream = hints(visit.api)
        try:
            first = await anext(stream)
        except (Problem, StopAsyncIteration):
            return Response(status_code=204)

        async def told() -> AsyncGenerator[bytes]:
            yield first
            async for piece in stream:
                yield piece

        return StreamingResponse(told(), media_type="text/event-stream", headers=HEADERS)

    return serve


async def hints(api: Api) -> AsyncGenerator[bytes]:
    """Yield the API's events, each cut down to what it is about. Raises Problem."""
    async with api.stream("/api/events") as pieces:
        yield b"event: resumed\ndata: {}\n\n"
        async for kind, data in events(pieces):
            if kind is None:
                yield b": still here\n\n"
            elif (name := KINDS.get(kind)) is not None:
                yield hint(name, data)
            elif kind == "end":
                yield b"event: ended\ndata: " + orjson.dumps(data) + b"\n\n"
                return
            else:
                yield b"event: resumed\ndata: {}\n\n"


def hint(name: str, data: Any) -> bytes:
    """Return one event that tells what an API's event was about."""
    inner = data.get("server", data.get("operation", data)) if isinstance(data, dict) else {}
    found = next((str(inner[key]) for key in IDENTITIES if key in inner), "")
    told = {"id": found, "vmid": inner.get("vmid"), "kind": inner.get("kind"), "status": inner.get("status")}
    return f"event: {name}\ndata: ".encode() + orjson.dumps(told) + b"\n\n"


async def events(pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[str | None, Any]]:
    """Yield the events of a stream (WHATWG HTML §9.2.6); None stands for a comment, which keeps it open."""
    rest = b""
    async for piece in pieces:
        rest += piece
        while (end := rest.find(b"\n\n")) >= 0:
            block, rest = rest[:end], rest[end + 2 :]
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if b"event" in fields:
                yield fields[b"event"].decode(), orjson.loads(fields.get(b"data", b"{}"))
            else:
                yield None, None
