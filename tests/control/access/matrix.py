"""Who gets what from every route: one row per route, one column per kind of caller.

A route that the application has and this table has not fails ``test_matrix.py``, which prints the line to add.
"""

from __future__ import annotations

from typing import Any

CALLERS = (
    "anonymous", "owner", "another user", "admin", "suspended owner", "revoked session", "expired token",
    "wrong audience",
)  # fmt: skip
STRANGERS = {
    "anonymous": "401 Missing authorization token",
    "revoked session": "404 user_not_found",
    "expired token": "401 Invalid or expired token",
    "wrong audience": "401 Invalid or expired token",
}
YES = "answered"
NOT_THERE = "404 server_not_found"

KINDS: dict[str, dict[str, str]] = {
    "public": dict.fromkeys(CALLERS, YES),
    "account": STRANGERS | {"owner": YES, "another user": YES, "admin": YES, "suspended owner": YES},
    "admin": STRANGERS
    | {
        "owner": "403 forbidden",
        "another user": "403 forbidden",
        "admin": YES,
        "suspended owner": "403 forbidden",
    },
    "edge": dict.fromkeys(CALLERS, "401 unauthorized"),
    "new server": STRANGERS
    | {"owner": YES, "another user": YES, "admin": YES, "suspended owner": "403 account_suspended"},
    "operation": STRANGERS
    | {"owner": YES, "another user": "404 operation_not_found", "admin": YES, "suspended owner": YES},
    "server": STRANGERS | {"owner": YES, "another user": NOT_THERE, "admin": YES, "suspended owner": YES},
    "active server": STRANGERS
    | {"owner": YES, "another user": NOT_THERE, "admin": YES, "suspended owner": "403 account_suspended"},
}
"""What each caller gets. ``answered`` is anything that is no refusal of the caller: a success, a wrong body, an
agent that is away. A suspended owner asks for a server of their own."""

ROUTES: dict[str, str] = {
    "GET /api/admin/plans": "admin",
    "POST /api/admin/plans": "admin",
    "PUT /api/admin/plans/{plan_id}": "admin",
    "POST /api/admin/users/{user_id}/suspend": "admin",
    "POST /api/admin/users/{user_id}/unsuspend": "admin",
    "POST /api/auth/login": "public",
    "POST /api/auth/logout": "public",
    "GET /api/auth/me": "account",
    "PATCH /api/auth/me": "account",
    "POST /api/auth/register": "public",
    "GET /api/catalog/dev": "public",
    "GET /api/catalog/game": "public",
    "WS /api/console/{server_id}/stream": "active server",
    "DELETE /api/containers/{vmid}": "server",
    "POST /api/dev/{server_id}/codeserver/{action}": "active server",
    "GET /api/dev/{server_id}/files": "server",
    "PUT /api/dev/{server_id}/files": "active server",
    "DELETE /api/dev/{server_id}/files": "active server",
    "GET /api/dev/{server_id}/files/download": "server",
    "HEAD /api/dev/{server_id}/files/download": "server",
    "POST /api/dev/{server_id}/files/folder": "active server",
    "GET /api/dev/{server_id}/files/list": "server",
    "GET /api/dev/{server_id}/files/read": "server",
    "POST /api/dev/{server_id}/files/revert": "active server",
    "GET /api/dev/{server_id}/files/stat": "server",
    "POST /api/dev/{server_id}/files/upload": "active server",
    "GET /api/events": "account",
    "GET /api/game/mods/search": "server",
    "GET /api/game/servers/{server_id}/backups": "server",
    "POST /api/game/servers/{server_id}/backups": "active server",
    "POST /api/game/servers/{server_id}/backups/restore": "active server",
    "GET /api/game/servers/{server_id}/backups/{backup_id}": "server",
    "DELETE /api/game/servers/{server_id}/backups/{backup_id}": "server",
    "POST /api/game/servers/{server_id}/console/command": "active server",
    "GET /api/game/servers/{server_id}/console/log": "server",
    "WS /api/game/servers/{server_id}/console/stream": "active server",
    "POST /api/game/servers/{server_id}/console/ticket": "active server",
    "GET /api/game/servers/{server_id}/files": "server",
    "PUT /api/game/servers/{server_id}/files": "active server",
    "DELETE /api/game/servers/{server_id}/files": "active server",
    "GET /api/game/servers/{server_id}/files/download": "server",
    "HEAD /api/game/servers/{server_id}/files/download": "server",
    "GET /api/game/servers/{server_id}/files/list": "server",
    "GET /api/game/servers/{server_id}/files/read": "server",
    "POST /api/game/servers/{server_id}/files/revert": "active server",
    "GET /api/game/servers/{server_id}/files/stat": "server",
    "POST /api/game/servers/{server_id}/files/upload": "active server",
    "GET /api/game/servers/{server_id}/mods": "server",
    "POST /api/game/servers/{server_id}/mods/install": "active server",
    "PATCH /api/game/servers/{server_id}/mods/{mod_id}": "active server",
    "DELETE /api/game/servers/{server_id}/mods/{mod_id}": "active server",
    "GET /api/game/servers/{server_id}/players": "server",
    "GET /api/game/servers/{server_id}/update-status": "server",
    "GET /api/health": "public",
    "POST /api/instances": "new server",
    "GET /api/instances": "account",
    "GET /api/instances/operations/{operation_id}": "operation",
    "GET /api/instances/{vmid}": "server",
    "GET /api/operations/{operation_id}": "operation",
    "POST /api/operations/{operation_id}/cancel": "operation",
    "POST /api/operations/{operation_id}/retry": "operation",
    "GET /api/ready": "public",
    "GET /api/servers": "account",
    "GET /api/servers/{server_id}": "server",
    "GET /api/servers/{server_id}/backups": "server",
    "POST /api/servers/{server_id}/backups": "active server",
    "POST /api/servers/{server_id}/backups/restore": "active server",
    "GET /api/servers/{server_id}/backups/{backup_id}": "server",
    "DELETE /api/servers/{server_id}/backups/{backup_id}": "server",
    "POST /api/servers/{server_id}/console/command": "active server",
    "GET /api/servers/{server_id}/console/log": "server",
    "WS /api/servers/{server_id}/console/stream": "active server",
    "POST /api/servers/{server_id}/console/ticket": "active server",
    "GET /api/servers/{server_id}/files": "server",
    "PUT /api/servers/{server_id}/files": "active server",
    "DELETE /api/servers/{server_id}/files": "active server",
    "GET /api/servers/{server_id}/files/download": "server",
    "HEAD /api/servers/{server_id}/files/download": "server",
    "GET /api/servers/{server_id}/files/list": "server",
    "GET /api/servers/{server_id}/files/read": "server",
    "POST /api/servers/{server_id}/files/revert": "active server",
    "GET /api/servers/{server_id}/files/stat": "server",
    "POST /api/servers/{server_id}/files/upload": "active server",
    "POST /api/servers/{server_id}/game/{action}": "active server",
    "GET /api/servers/{server_id}/host/status": "server",
    "POST /api/servers/{server_id}/host/{action}": "active server",
    "GET /api/servers/{server_id}/mods": "server",
    "POST /api/servers/{server_id}/mods/install": "active server",
    "PATCH /api/servers/{server_id}/mods/{mod_id}": "active server",
    "DELETE /api/servers/{server_id}/mods/{mod_id}": "active server",
    "GET /api/servers/{server_id}/players": "server",
    "GET /api/servers/{server_id}/status": "server",
    "GET /api/servers/{server_id}/update-status": "server",
    "POST /internal/velocity/proxy-status": "edge",
    "GET /internal/velocity/servers": "edge",
}

BODIES: dict[str, Any] = {
    "POST /api/instances": {"game": "minecraft", "variant": "paper", "version": "1.21.4"},
    "console/command": {"command": "list"},
    "mods/install": {"project": "sodium"},
    "mods/a.jar": {"enabled": True},
    "/suspend": {"reason": ""},
}
"""Bodies without which a request would be refused for its form; ``/suspend`` would suspend, so it has a bad one."""


def line_for(route: str, rule: str | None) -> str:
    """Return the line that the table lacks; ``user`` routes are of several kinds, and somebody must choose."""
    kinds = "|".join(sorted(KINDS)) if rule == "user" else str(rule)
    return f'    "{route}": "{kinds}",'
