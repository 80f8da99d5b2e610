"""Asks the API where everybody is, before the first player is let in (contract §2.10).

What the table remembers may be old: while the edge was away a server may have moved, or be gone and its
address another's. When the API is away too, what is remembered is the best there is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import aiohttp

from zpack.edge.names import Invalid, Target, parse_target
from zpack.wire.edge import SECRET_HEADER, hashed_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET_SECONDS = 2.0
LIMIT = 8 * 1024 * 1024
OK = 200
log = logging.getLogger("zpack.edge.rehydrate")


def list_url(endpoint: str) -> str | None:
    """Return where the API lists its servers, beside the door for callbacks; None when that is unknown."""
    base, _, last = endpoint.rpartition("/")
    return f"{base}/servers" if last == "proxy-status" else None


async def ask(endpoint: str, secret: str, *, seconds: float = BUDGET_SECONDS) -> list[Target] | None:
    """Return the servers players may be led to; None when the API did not say."""
    url = list_url(endpoint)
    if url is None:
        return None
    timeout = aiohttp.ClientTimeout(total=seconds)
    headers = {SECRET_HEADER: hashed_secret(secret)}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != OK or (answer.content_length or 0) > LIMIT:
                log.warning("the API answered %s when asked for the servers", answer.status)
                return None
            body: Any = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        log.info("the API did not say which servers there are: %s", type(error).__name__)
        return None
    rows = body.get("servers") if isinstance(body, dict) else None
    return list(_targets(rows)) if isinstance(rows, list) else None


def _targets(rows: list[Any]) -> Iterator[Target]:
    for row in rows:
        if isinstance(row, dict):
            try:
                yield parse_target(row)
            except Invalid as invalid:
                log.warning("the API listed a server that cannot be one: %s", invalid)
