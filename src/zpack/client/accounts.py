"""Logging in and out, and API keys. Every call raises ApiProblem or ApiAway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zpack.client.login import Pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.client.http import Connection

KEYS, USERS = "/api/auth/keys", "/api/admin/users"
SECOND_FACTOR_REQUIRED = "second_factor_required"


async def log_in(connection: Connection, *, identifier: str, password: str) -> Pair:
    """Return the tokens of a new session.

    An account with a second factor is an ApiProblem of code ``second_factor_required`` with a challenge.
    """
    body = {"identifier": identifier, "password": password}
    return Pair.of(await connection.call("POST", "/api/auth/login", body=body))


async def complete_login(connection: Connection, challenge: str, code: str) -> Pair:
    """Return the tokens of a new session for a code, or for a recovery code, which is longer."""
    shown = {"recoveryCode": code} if len(code.replace(" ", "")) > len("000000") else {"code": code}
    body = {"challenge": challenge, **shown}
    return Pair.of(await connection.call("POST", "/api/auth/login/second-factor", body=body))


async def log_out(connection: Connection, pair: Pair) -> None:
    """End the session of these tokens."""
    headers = {"Authorization": f"Bearer {pair.token}"}
    body = {"refreshToken": pair.refresh_token}
    await connection.call("POST", "/api/auth/logout", body=body, headers=headers)


async def list_keys(connection: Connection) -> list[dict[str, Any]]:
    """Return what is shown of the caller's API keys."""
    return (await connection.call("GET", KEYS))["keys"]


async def make_key(
    connection: Connection, name: str, scopes: Sequence[str], *, ends: str | None
) -> dict[str, Any]:
    """Return a new key; it is shown this once."""
    return await connection.call("POST", KEYS, body={"name": name, "scopes": scopes, "expiresAt": ends})


async def delete_key(connection: Connection, key_id: str) -> None:
    """Delete a key."""
    await connection.call("DELETE", f"{KEYS}/{quote(key_id, safe='')}")


async def list_users(connection: Connection, search: str) -> list[dict[str, Any]]:
    """Return every account whose e-mail address or user name contains ``search``; for administrators."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        params = {"search": search, "after": after, "limit": "200"}
        page = await connection.call("GET", USERS, params=params)
        found += page["users"]
        if not page["next"]:
            return found
        after = page["next"]


async def change_role(connection: Connection, user_id: str, role: str) -> None:
    """Make an account an administrator's, or one no more; for administrators."""
    await connection.call("PATCH", f"{USERS}/{quote(user_id, safe='')}", body={"role": role})


async def suspend(connection: Connection, user_id: str, reason: str) -> dict[str, Any]:
    """Suspend an account by hand and return how it stands; for administrators."""
    path = f"{USERS}/{quote(user_id, safe='')}/suspend"
    return (await connection.call("POST", path, body={"reason": reason}))["standing"]


async def unsuspend(connection: Connection, user_id: str) -> dict[str, Any]:
    """Lift a suspension by hand and return how the account stands; for administrators."""
    path = f"{USERS}/{quote(user_id, safe='')}/unsuspend"
    return (await connection.call("POST", path))["standing"]
