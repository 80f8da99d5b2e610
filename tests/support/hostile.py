"""What a hostile agent may answer, whatever it is asked: lies, floods, silence, and what is hardly HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

VICTIM = 5001
CLAIMS = {
    "vmid": VICTIM, "id": str(VICTIM), "serverId": str(VICTIM), "owner": "u-root", "customerId": "u-root",
    "config": {"vmid": VICTIM, "agent_token": "stolen"}, "ip": "127.0.0.1", "hostname": f"mc-{VICTIM}",
    "state": "running", "ready": True, "processRunning": True, "hostOnline": True, "lastSeen": 1 << 60,
    "players": ["<script>alert(1)</script>"] * 3, "online": 3, "max": -7, "operation": {"vmid": VICTIM},
    "mods": [{"id": "../../x.jar", "projectId": "p", "sha512": "a" * 128}, None, 7],
    "backups": [{"id": f"../{VICTIM}"}], "statusUrl": "http://127.0.0.1/", "__proto__": {"admin": True},
}  # fmt: skip
BODIES: dict[str, bytes] = {
    "claims another's id": json.dumps(CLAIMS).encode(),
    "no JSON": b"<h1>It works!</h1>",
    "half of JSON": b'{"ok": true, "mods": [',
    "no UTF-8": b'{"message": "\xff\xfe\xed\xa0\x80"}',
    "nothing": b"",
    "null": b"null",
    "a number": b"7",
    "a text": b'"x"',
    "a list": b"[1, null, [], {}]",
    "true": b"true",
    "not numbers": b'{"a": NaN, "b": Infinity, "c": -Infinity}',
    "numbers beyond floats": b'{"a": 1e999, "b": [-1e999, {"c": 1e999}], "online": 1e999}',
    "numbers beyond words": b'{"a": ' + b"9" * 4000 + b', "online": ' + b"9" * 400 + b"}",
    "numbers beyond Python": b'{"a": ' + b"9" * 100_000 + b"}",
    "depth": b'{"a":' * 90_000 + b"1" + b"}" * 90_000,
    "depth of lists": b"[" * 500_000,
    "some depth": b"[" * 900 + b"]" * 900,
    "NUL": b'{"a\\u0000": "b\\u0000", "message": "\\u0000", "error": "\\u0000"}',
    "half surrogates": b'{"\\ud800": "\\udfff", "message": "\\ud800", "error": "\\udc00x"}',
    "control characters": b'{"message": "\\u001b[2J\\r\\nSet-Cookie: a=b", "error": "\\u0007"}',
    "many keys": json.dumps({f"k{n}": n for n in range(40_000)}).encode(),
    "a long text": b'{"message": "' + b"x" * 900_000 + b'", "error": "' + b"y" * 100_000 + b'"}',
}
STATUSES = (201, 204, 206, 300, 304, 400, 401, 402, 403, 404, 407, 409, 418, 429, 451, 499, 500, 503, 599)


def _body(content: bytes, status: int = 200) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        headers = {
            "Set-Cookie": "session=stolen",
            "Access-Control-Allow-Origin": "*",
            "WWW-Authenticate": "Basic",
            "X-Request-Id": "forged-by-the-agent",
            "Retry-After": "99999999",
        }
        return web.Response(body=content, status=status, content_type="application/json", headers=headers)

    return answer


def _redirect(status: int, location: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport
        port = request.transport.get_extra_info("sockname")[1]
        return web.Response(status=status, headers={"Location": location.format(port=port)})

    return answer


def _raw(*parts: bytes, repeat: int = 1) -> Answer:
    """Answer with bytes that the server's own library would not send."""

    async def answer(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport
        for _ in range(repeat):
            if transport.is_closing():
                break
            for part in parts:
                transport.write(part)  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        transport.close()
        return web.Response()

    return answer


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"[" * 65536)
    return response


async def _bomb(request: web.Request) -> web.StreamResponse:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=BOMB, headers=headers)


class Silence:
    """Answers that do not come before it is over."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def silent(self, _: web.Request) -> web.StreamResponse:
        """Say nothing."""
        await self.over.wait()
        return web.Response()

    async def trickling(self, request: web.Request) -> web.StreamResponse:
        """Say hardly anything, again and again."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while not self.over.is_set():
                await response.write(b" ")
                await asyncio.sleep(0.02)
        return response


BOMB = gzip.compress(bytes(64 << 20))
TRAP = "http://127.82.0.99:{port}/stolen"
HOSTILE: dict[str, Answer] = {
    **{name: _body(content) for name, content in BODIES.items()},
    **{f"{name} and no": _body(BODIES[name], 409) for name in ("claims another's id", "not numbers", "NUL",
        "half surrogates", "depth", "numbers beyond floats", "a long text", "many keys", "a list")},
    **{f"status {status}": _body(b'{"error": "x"}', status) for status in STATUSES},
    **{f"redirect {status}": _redirect(status, TRAP) for status in (301, 302, 303, 307, 308)},
    "redirect to another's agent": _redirect(307, "http://127.82.19.137:{port}/stop"),
    "redirect to a file": _redirect(302, "file:///etc/passwd"),
    "endless": _endless,
    "bomb": _bomb,
    "no HTTP": _raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "nothing at all": _raw(),
    "endless headers": _raw(b"HTTP/1.1 200 OK\r\n", *(b"X-%d: x\r\n" % n for n in range(200)), repeat=50),
    "a long header": _raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000),
    "a short body": _raw(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"a": 1'),
    "a negative length": _raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"),
    "two lengths": _raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}"),
    "bad chunks": _raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "a huge chunk": _raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}"),
    "bad gzip": _raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
    "status 0": _raw(b"HTTP/1.1 000 ?\r\nContent-Length: 2\r\n\r\n{}"),
    "status 999": _raw(b"HTTP/1.1 999 ?\r\nContent-Length: 2\r\n\r\n{}"),
    "another protocol": _raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    "endless interim answers": _raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, repeat=20),
}  # fmt: skip
"""By name; those of :class:`Silence` are apart, since they cost their whole time."""
