"""Reads a request's JSON body within a size and a time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from zpack.agent.problems import Invalid

if TYPE_CHECKING:
    from aiohttp import web

MAX_BODY = 64 * 1024
BODY_SECONDS = 10.0


async def read_json_body(request: web.Request) -> Any:
    """Return the decoded body. Raises :class:`Invalid`; the server answers 413 when it is too large."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
        return json.loads(raw, parse_constant=_refuse)
    except TimeoutError:
        raise Invalid("the body did not arrive in time", code="body_too_slow") from None
    except (ValueError, RecursionError):
        raise Invalid("the body is no JSON", code="invalid_json") from None


def _refuse(constant: str) -> Any:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)
