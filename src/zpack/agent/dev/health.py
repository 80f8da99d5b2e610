"""Asks code-server whether it serves. Whatever listens there is the developer's, so its answer is bounded."""

from __future__ import annotations

import json
from http import HTTPStatus

import aiohttp

from zpack.agent.status.ping import Answer, PingError

SECONDS = 3.0
MAX_ANSWER = 4096
ALIVE = frozenset({"alive", "expired"})
"""``expired`` says that no browser is there, not that anything is wrong."""
NOBODY = Answer(0, 0, ())


async def ask_health(host: str, port: int) -> Answer:
    """Return when ``/healthz`` answers as code-server does. Raises ``PingError``."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{host}:{port}/healthz", allow_redirects=False) as answer,
        ):
            body = await _bounded(answer.content)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        msg = f"code-server does not answer: {str(error) or type(error).__name__}"
        raise PingError(msg) from error
    if answer.status != HTTPStatus.OK or _status(body) not in ALIVE:
        msg = f"code-server's /healthz answers HTTP {answer.status} and no health"
        raise PingError(msg)
    return NOBODY


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """Return a body, or nothing of one that is too long."""
    body = b""
    async for chunk in content.iter_chunked(MAX_ANSWER):
        body += chunk
        if len(body) > MAX_ANSWER:
            return b""
    return body


def _status(body: bytes) -> object:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    status = told.get("status") if isinstance(told, dict) else None
    return status if isinstance(status, str) else None
