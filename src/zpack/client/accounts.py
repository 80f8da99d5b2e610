"""Logging in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.client.http import Connection


async def log_in(connection: Connection, *, identifier: str, password: str) -> str:
    """Return an access token. Raises ApiProblem, ApiAway."""
    body = {"identifier": identifier, "password": password}
    return str((await connection.call("POST", "/api/auth/login", body=body))["token"])
