"""One pooled HTTP session per foreign system, with limits on what it may send us."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import aiohttp

from zpack.control.engine import tracing
from zpack.control.engine.errors import ForeignError
from zpack.control.engine.foreign import foreign_call
from zpack.control.engine.text import storable
from zpack.control.outside.pooled import Pooled
from zpack.control.outside.tls import complaint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.engine.budget import Budget
    from zpack.control.outside.tls import Trust

TEXT_LIMIT = 500


@dataclass(frozen=True)
class Answer:
    """A foreign answer: status, reason phrase and at most ``limit`` bytes of body."""

    status: int
    reason: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def json(self) -> Any:
        """Return the parsed body, or None when it is no JSON; its text can be stored and sent on."""
        try:
            return storable(json.loads(self.body.decode("utf-8-sig")))
        except (ValueError, RecursionError):
            return None

    @property
    def text(self) -> str:
        """Return the beginning of the body, for people."""
        return storable(self.body[:TEXT_LIMIT].decode("utf-8", "replace")).strip()


class Untrusted(ForeignError):
    """The other end's certificate is not one that we trust; nothing was sent to it."""


class ForeignHttp:
    """An HTTP session to one foreign system, ``name`` in errors; ``tls`` is who is trusted there.

    Programs of ours continue the trace.
    """

    def __init__(
        self,
        *,
        name: str,
        verify_tls: bool = True,
        tls: Trust | None = None,
        connections: int = 64,
        connect_seconds: float = 10.0,
        keep_alive: float = 15.0,
        ours: bool = False,
    ) -> None:
        self._name = name
        self._tls: Trust | bool = tls or verify_tls
        self._connections = connections
        self._connect_seconds = connect_seconds
        self._keep_alive = keep_alive
        self._ours = ours
        self._pooled = Pooled(name, self._make)

    def _make(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            ssl=self._tls,
            ttl_dns_cache=30,
            keepalive_timeout=self._keep_alive,
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
        )

    async def request(
        self,
        method: str,
        url: str,
        *,
        budget: Budget,
        headers: Mapping[str, str] | None = None,
        json_body: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        limit: int = 1 << 20,
    ) -> Answer:
        """Make one request without following redirects.

        Raises:
            ForeignError: transient when nothing answered; ``timed_out`` when the effect is unknown; permanent
                when the answer is larger than ``limit`` bytes.
            Untrusted: the certificate is expired, another host's, of an unknown authority, or not pinned.
        """
        with foreign_call(self._name, method) as call:
            told = {**(headers or {}), **tracing.passed_on()} if self._ours else headers
            answer = await self._asked(
                *(method, url, budget, limit),
                headers=told,
                json=json_body,
                data=form,
                params=params,
            )
            call.answered(answer.status)
            return answer

    async def _asked(self, method: str, url: str, budget: Budget, limit: int, **sent: Any) -> Answer:
        try:
            async with (
                budget.timeout(),
                self._pooled.open().request(
                    method,
                    url,
                    **sent,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
                ) as response,
            ):
                body = await self._read(response, limit)
                return Answer(response.status, response.reason or "", body, response.headers)
        except aiohttp.ConnectionTimeoutError as failure:
            raise ForeignError(f"{self._name} cannot be reached in time", transient=True) from failure
        except TimeoutError as failure:
            message = f"{self._name} did not answer in time"
            raise ForeignError(message, transient=True, timed_out=True) from failure
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch) as failure:
            raise Untrusted(
                f"{self._name} is not trusted: {complaint_of(failure)}", transient=False
            ) from failure
        except aiohttp.ClientConnectorError as failure:
            raise ForeignError(f"{self._name} cannot be reached", transient=True) from failure
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError, ValueError) as failure:
            message = f"{self._name} broke off: {type(failure).__name__}"
            raise ForeignError(message, transient=True, timed_out=True) from failure

    async def _read(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(65536):
            body += chunk
            if len(body) > limit:
                raise ForeignError(f"{self._name} sent more than {limit} bytes", transient=False)
        return bytes(body)

    async def close(self) -> None:
        """Close the session for good."""
        await self._pooled.close()
