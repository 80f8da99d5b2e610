"""The API as the portal calls it: the application itself, in this process, without a socket.

What is asked and answered is HTTP all the same, so whatever a page can do every customer's own program can.
The caller's address, agent and request id go along, so limits and audit rows name the person and not us.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("zpack.portal")
QUEUED = 16
HOP_BY_HOP = {
    b"cookie",
    b"authorization",
    b"host",
    b"connection",
    b"x-csrf-token",
    b"accept-encoding",
    b"origin",
}
PASSED_ON = (b"host", b"user-agent", b"traceparent")
UNEXPECTED = {"error": "internal_error", "message": "Something went wrong on our side."}


class Problem(Exception):
    """The API's refusal: its status, stable code, text for people, and details."""

    def __init__(self, status: int, body: Any) -> None:
        found: dict[str, Any] = body if isinstance(body, dict) else {}
        self.status = status
        self.code = str(found.get("error", "internal_error"))
        self.message = str(found.get("message") or self.code)
        self.details: Any = found.get("details")
        self.request_id = str(found.get("requestId", ""))
        super().__init__(f"{status} {self.code}")

    @property
    def fields(self) -> dict[str, str]:
        """Return what is wrong with which field, when the API said it field by field."""
        if isinstance(self.details, dict) and "field" in self.details:
            return {str(self.details["field"]): self.message}
        found: list[Any] = self.details if isinstance(self.details, list) else []
        return {str(d["field"]): str(d["message"]) for d in found if isinstance(d, dict) and "field" in d}

    @property
    def reasons(self) -> dict[str, tuple[str, Any]]:
        """Return why a field is wrong, in one of the API's words, and its limit; where the API said so."""
        found: list[Any] = self.details if isinstance(self.details, list) else []
        return {
            str(d["field"]): (str(d["reason"]), d.get("limit"))
            for d in found
            if isinstance(d, dict) and "field" in d and "reason" in d
        }

    @property
    def retry_after(self) -> int | None:
        """Return in how many seconds to try again, when the API said so."""
        found = self.details.get("retryAfter") if isinstance(self.details, dict) else None
        return found if isinstance(found, int) else None


@dataclass(frozen=True)
class Api:
    """The API for one visitor. ``token`` is their access token; None: nobody in particular."""

    app: ASGIApp
    scope: Scope
    """Of the page's own request: who asks, and from where."""
    token: str | None = None

    def as_(self, token: str | None) -> Api:
        """Return the API for who has this token."""
        return replace(self, token=token)

    async def get(self, path: str, /, **query: Any) -> Any:
        """GET; return the JSON answer. Raises Problem. A query value of None is left out."""
        return await self.call("GET", path, query=query)

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """POST; return the JSON answer. ``key`` is sent as Idempotency-Key. Raises Problem."""
        return await self.call("POST", path, body=body, headers={"idempotency-key": key} if key else {})

    async def put(self, path: str, body: Any = None) -> Any:
        """PUT; return the JSON answer. Raises Problem."""
        return await self.call("PUT", path, body=body)

    async def patch(self, path: str, body: Any = None) -> Any:
        """PATCH; return the JSON answer. Raises Problem."""
        return await self.call("PATCH", path, body=body)

    async def delete(self, path: str, /, body: Any = None, **query: Any) -> Any:
        """DELETE; return the JSON answer. Raises Problem."""
        return await self.call("DELETE", path, body=body, query=query)

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Call; return the JSON answer, or bytes when it is none. Raises Problem."""
        sent = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        reply = _Reply(sent)
        await self._run(self._asked(method, path, query, sent, headers or {}), reply.receive, reply.send)
        found = reply.read()
        if reply.status >= 400:  # noqa: PLR2004 - RFC 9110 §15.5: errors begin here
            raise Problem(reply.status, found)
        return found

    @asynccontextmanager
    async def stream(self, path: str, /, **query: Any) -> AsyncGenerator[AsyncIterator[bytes]]:
        """GET a stream; yield its pieces as they come. Raises Problem when it does not begin."""
        flow = _Flow()
        scope = self._asked("GET", path, query, b"", {})
        running = asyncio.create_task(self._run(scope, flow.receive, flow.send), name="portal-stream")
        running.add_done_callback(flow.over)
        try:
            status = await flow.started
            if status >= 400:  # noqa: PLR2004 - as above
                raise Problem(
                    status, orjson.loads(b"".join([piece async for piece in flow.pieces()]) or b"{}")
                )
            yield flow.pieces()
        finally:
            flow.gone.set()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def relay(self, request: Request, path: str) -> Response:
        """Return the answer that passes this request on, body and all, to another path of the API."""
        kept = [(name, value) for name, value in request.scope["headers"] if name not in HOP_BY_HOP]
        asked = self._asked(request.method, path, None, b"", {})
        asked["query_string"] = request.scope["query_string"]
        own = {name for name, _ in kept}
        asked["headers"] = [
            pair for pair in asked["headers"] if pair[0] not in own | {b"content-length"}
        ] + kept
        return _Relayed(self.app, asked)

    def _asked(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str]
    ) -> Scope:
        outer = dict(self.scope["headers"])
        told = {"accept": "application/json", **headers}
        if self.token is not None:
            told["authorization"] = f"Bearer {self.token}"
        if body:
            told |= {"content-type": "application/json", "content-length": str(len(body))}
        if request_id := self.scope.get("state", {}).get("request_id"):
            told["x-request-id"] = request_id
        passed = {b"host": b"localhost"} | {name: outer[name] for name in PASSED_ON if name in outer}
        given = {k: _word(v) for k, v in (query or {}).items() if v is not None}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scope.get("scheme", "http"),
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": urlencode(given).encode(),
            "root_path": "",
            "headers": [*passed.items(), *((name.encode(), value.encode()) for name, value in told.items())],
            "client": self.scope.get("client"),
            "server": self.scope.get("server"),
            "state": {},
        }

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def passed_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, passed_on)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not begun:  # it answers before it raises, where it can
                await send({"type": "http.response.start", "status": 500, "headers": []})
                await send({"type": "http.response.body", "body": orjson.dumps(UNEXPECTED)})


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Reply:
    """Gathers one whole answer."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._received = bytearray()
        self._json = False
        self.status = 0

    async def receive(self) -> Message:
        if self._body is None:
            await asyncio.Event().wait()  # we stay until the answer is whole
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self.status:
            self.status = message["status"]
            kind = dict(message.get("headers", ())).get(b"content-type", b"application/json")
            self._json = kind.startswith(b"application/json")
        elif message["type"] == "http.response.body":
            self._received += message.get("body", b"")

    def read(self) -> Any:
        if not self._json:
            return bytes(self._received)
        return orjson.loads(self._received) if self._received else None


class _Flow:
    """Hands an answer on piece by piece, as fast as it is taken."""

    def __init__(self) -> None:
        self.started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()
        self._asked = False
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED)

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self.started.done():
            self.started.set_result(message["status"])
        elif message["type"] == "http.response.body":
            if message.get("body"):
                await self._queue.put(message["body"])
            if not message.get("more_body", False):
                await self._queue.put(None)

    def over(self, _task: asyncio.Task[None]) -> None:
        """Wake who waits for something from a task that is over."""
        if not self.started.done():
            self.started.set_result(500)
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    async def pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._queue.get()) is not None:
            yield piece


class _Relayed(Response):
    """An answer that the API gives itself."""

    def __init__(self, app: ASGIApp, asked: Scope) -> None:
        super().__init__()
        self._app = app
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; not packed on the way: a range of packed bytes is no range of the file's."""
        del scope

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-encoding", b"identity")]
            await send(message)

        await self._app(self._asked, receive, tell)
