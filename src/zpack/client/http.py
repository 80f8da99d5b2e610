"""One connection to one API, with or without a token."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import aiohttp

from zpack.client.errors import ApiAway, ApiProblem
from zpack.client.login import Pair

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping
    from typing import BinaryIO, Self

    from zpack.client.login import KeptLogin

SECONDS = 60.0
STREAMED = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
BODY_LIMIT = 32 << 20
FRAME_LIMIT = 1 << 20
HEARTBEAT_SECONDS = 20.0
OK, UNAUTHORIZED = 200, 401


class Connection:
    """Calls the API. Enter it to open the session.

    With a ``login`` that is kept, an access token that has expired is renewed once and the call made again.
    """

    def __init__(self, *, base_url: str, token: str | None = None, login: KeptLogin | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._login = login
        self._renewing = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        data: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> Any:
        """Return the parsed body of a success that comes within ``seconds``. Raises ApiProblem, ApiAway.

        ``data`` is a file or a form to be streamed, for as long as that takes.
        """
        patience = aiohttp.ClientTimeout(total=seconds) if data is None else STREAMED
        sent = {"timeout": patience} | ({"json": body} if data is None else {"data": data})
        if data is not None and self._login is not None:
            await self.call("GET", "/api/auth/me")  # a stream cannot be sent again
        async with self._answered(method, path, params=params, headers=headers, **sent) as response:
            found = _parsed(await _limited(response.content))
        if not isinstance(found, dict):
            raise ApiAway(f"{self.base_url} does not speak like the zpack API")
        return found

    async def fetch(self, path: str, target: BinaryIO, *, params: Mapping[str, str]) -> int:
        """Write the body of a success to a file as it comes; return its size. Raises ApiProblem, ApiAway."""
        size = 0
        async with self._answered("GET", path, params=params, timeout=STREAMED) as response:
            async for part in response.content.iter_any():
                target.write(part)
                size += len(part)
        return size

    @contextlib.asynccontextmanager
    async def socket(
        self, path: str, *, protocol: str, params: Mapping[str, str]
    ) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket. Raises ApiAway, also when the API does not take the upgrade."""
        assert self._session is not None, "enter the connection first"  # noqa: S101 - a programming error
        try:
            async with self._session.ws_connect(
                self.base_url + path,
                params=params,
                protocols=(protocol,),
                heartbeat=HEARTBEAT_SECONDS,
                max_msg_size=FRAME_LIMIT,
            ) as socket:
                yield socket
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as failure:
            raise ApiAway(f"{self.base_url}{path} cannot be opened: {type(failure).__name__}") from failure

    @contextlib.asynccontextmanager
    async def _answered(
        self, method: str, path: str, **request: Any
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        used = self._token
        async with contextlib.AsyncExitStack() as stack:
            response = await self._asked(stack, method, path, **request)
            if response.status == UNAUTHORIZED and "data" not in request and await self._renewed(used):
                response = await self._asked(stack, method, path, **request)
            with self._reachable():
                if response.status >= 300:  # noqa: PLR2004 - 2xx is success
                    raise _problem(response.status, _parsed(await _limited(response.content)))
                yield response

    async def _asked(
        self, stack: contextlib.AsyncExitStack, method: str, path: str, **request: Any
    ) -> aiohttp.ClientResponse:
        assert self._session is not None, "enter the connection first"  # noqa: S101 - a programming error
        own = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        request["headers"] = own | dict(request.get("headers") or {})
        with self._reachable():
            asking = self._session.request(method, self.base_url + path, allow_redirects=False, **request)
            return await stack.enter_async_context(asking)

    async def _renewed(self, used: str | None) -> bool:
        """Get a newer access token than the one that was used; False when there is none to be had."""
        if self._login is None or used is None:
            return False
        async with self._renewing, contextlib.AsyncExitStack() as stack:
            with self._login.alone():
                kept = self._login.read()
                if kept is None or (kept.token == used and kept.refresh_token is None):
                    return False
                if kept.token == used:  # else another process was faster
                    body = {"refreshToken": kept.refresh_token}
                    response = await self._asked(stack, "POST", "/api/auth/refresh", json=body)
                    with self._reachable():
                        answer = _parsed(await _limited(response.content))
                    if response.status != OK or not isinstance(answer, dict):
                        return False
                    kept = Pair.of(answer)
                    self._login.write(kept)
                self._token = kept.token
        return True

    @contextlib.contextmanager
    def _reachable(self) -> Generator[None]:
        try:
            yield
        except (aiohttp.ClientError, TimeoutError, ConnectionError, ValueError) as failure:
            raise ApiAway(
                f"{self.base_url} cannot be reached: {failure or type(failure).__name__}"
            ) from failure


async def _limited(body: aiohttp.StreamReader) -> bytes:
    """Return the whole body; one ``read`` returns only what has arrived. Raises ValueError."""
    parts = bytearray()
    async for part in body.iter_any():
        parts += part
        if len(parts) > BODY_LIMIT:
            raise ValueError("the answer is too long")
    return bytes(parts)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _problem(status: int, body: Any) -> ApiProblem:
    known = body if isinstance(body, dict) else {}
    code = known.get("error")
    return ApiProblem(
        status=status,
        code=code if isinstance(code, str) else f"http_{status}",
        message=str(known.get("message") or code or f"The API answered {status}."),
        request_id=known.get("requestId"),
        details=known.get("details"),
    )
