"""Who may do what: every route of the API with its rule, one line each.

A route without a line fails tests/control/access; the failure says which line to add. A route that does more
than one thing has a line for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Who(StrEnum):
    """Everybody who may come. The last three show what was once, or is elsewhere, the owner's token."""

    ANONYMOUS = "anonymous"
    OWNER = "owner"
    ANOTHER = "another user"
    ADMIN = "admin"
    SUSPENDED = "suspended owner"
    REVOKED = "revoked session"
    EXPIRED = "expired token"
    WRONG_AUDIENCE = "wrong audience"


class Met(StrEnum):
    """How the access rules meet a caller; what the room or a foreign system says behind them is all IN."""

    IN = "let through"
    OUT = "401: not known"
    FORBIDDEN = "403: known, and may not"
    SUSPENDED = "403: may not while suspended"
    HIDDEN = "404: byte for byte what is said of nothing"


LIMITS = ("gameServers", "devContainers", "memoryMb", "cpus", "diskMb", "backupsPerServer")
Rule = Mapping[Who, Met]

PUBLIC: Rule = dict.fromkeys(Who, Met.IN)
EDGE: Rule = dict.fromkeys(Who, Met.OUT)
"""None of our callers knows the edge's secret."""
ACCOUNT: Rule = EDGE | dict.fromkeys((Who.OWNER, Who.ANOTHER, Who.ADMIN, Who.SUSPENDED), Met.IN)
"""What everybody with an account may do, about themselves."""
CREATE: Rule = ACCOUNT | {Who.SUSPENDED: Met.SUSPENDED}
"""What everybody in good standing may do."""
SERVER: Rule = ACCOUNT | {Who.ANOTHER: Met.HIDDEN}
"""What an owner may do with a server even while suspended: look, stop, download, delete."""
RUN: Rule = SERVER | {Who.SUSPENDED: Met.SUSPENDED}
"""What an owner in good standing may do with a server."""
PERSONAL: Rule = SERVER | {Who.ADMIN: Met.HIDDEN}
"""What is nobody's business but the owner's, not even an administrator's."""
TUNNEL: Rule = RUN | {Who.ADMIN: Met.FORBIDDEN}
"""A customer's pages on the API's own host: an administrator opens them under their own name only."""
ADMIN: Rule = (
    EDGE | dict.fromkeys((Who.OWNER, Who.ANOTHER, Who.SUSPENDED), Met.FORBIDDEN) | {Who.ADMIN: Met.IN}
)

RULES = {name: rule for name, rule in globals().items() if name.isupper() and isinstance(rule, dict)}


@dataclass(frozen=True)
class Row:
    """One route. ``query`` and ``body`` carry the request as far as the access rules and the room.

    In both, and in the path, ``{name}`` stands for a thing of the owner's or of the suspended owner's; for
    what those names are see ``people.py``.
    """

    route: str
    rule: Rule
    query: str = ""
    body: Any = None
    fill: Mapping[str, str] = field(default_factory=dict[str, str])


FILE = "path=a.txt"
SEARCH = "vmid={server_id}&q=sodium"
NEW = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4"}
RESTORE = "id={backup_id}"
COMMAND = {"command": "list"}
LOGIN = {"identifier": "nobody", "password": "{password}"}
FORGOTTEN = {"email": "nobody@example.org"}
RESET = {"token": "x", "password": "{password}"}
CHANGED = {"currentPassword": "{password}", "newPassword": "{password} yet"}
MOVED = {"email": "moved@example.org", "currentPassword": "{password}"}
REGISTER = {"email": "new@example.org", "username": "new", "password": "{password}"}
HAND = {"vmid": "{server_id}", "dryRun": True}
START, STOP = {"action": "start"}, {"action": "stop"}
RESTART = {"action": "restart"}
KEY = {"name": "a key", "scopes": ["account"]}
PLAN = {"name": "New", "priceCents": 0, "limits": dict.fromkeys(LIMITS)}
NEWS = {"title": "Maintenance", "text": "Tonight."}
QUESTION = {"name": "Ann", "email": "ann@example.org", "subject": "Help", "message": "How?"}
MOD, SWITCH = {"project": "sodium"}, {"enabled": False}

ROWS = (
    Row("GET /api/health", PUBLIC),
    Row("GET /api/ready", PUBLIC),
    Row("GET /api/catalog/game", PUBLIC),
    Row("GET /api/catalog/dev", PUBLIC),
    # accounts
    Row("POST /api/auth/register", PUBLIC, body=REGISTER),
    Row("POST /api/auth/login", PUBLIC, body=LOGIN),
    Row("POST /api/auth/login/second-factor", PUBLIC, body={"challenge": "x", "code": "000000"}),
    Row("POST /api/auth/refresh", PUBLIC, body={"refreshToken": "{refresh}"}),
    Row("POST /api/auth/logout", PUBLIC),
    Row("GET /api/auth/me", ACCOUNT),
    Row("PATCH /api/auth/me", ACCOUNT, body={"firstName": "A"}),
    Row("GET /api/auth/sessions", ACCOUNT),
    Row("DELETE /api/auth/sessions/{session_id}", PERSONAL),
    Row("GET /api/auth/keys", ACCOUNT),
    Row("POST /api/auth/keys", ACCOUNT, body=KEY),
    Row("DELETE /api/auth/keys/{key_id}", PERSONAL),
    Row("GET /api/auth/second-factor", ACCOUNT),
    Row("POST /api/auth/second-factor", ACCOUNT, body={"password": "{password}"}),
    Row("POST /api/auth/second-factor/confirm", ACCOUNT, body={"code": "000000"}),
    Row("POST /api/auth/second-factor/disable", ACCOUNT, body={"password": "{password}", "code": "000000"}),
    Row("POST /api/auth/forgot-password", PUBLIC, body=FORGOTTEN),
    Row("POST /api/auth/password-reset/request", PUBLIC, body=FORGOTTEN),
    Row("POST /api/auth/reset-password", PUBLIC, body=RESET),
    Row("POST /api/auth/password-reset/confirm", PUBLIC, body=RESET),
    Row("POST /api/auth/change-password", ACCOUNT, body=CHANGED),
    Row("POST /api/auth/verify-email", PUBLIC, body={"token": "x"}),
    Row("POST /api/auth/verify-email/resend", ACCOUNT),
    Row("POST /api/auth/change-email", ACCOUNT, body=MOVED),
    Row("POST /api/auth/change-email/confirm", PUBLIC, body={"token": "x"}),
    Row("POST /api/auth/logout-all", ACCOUNT),
    Row("GET /api/audit", ACCOUNT),
    Row("GET /api/admin/users", ADMIN),
    Row("GET /api/admin/users/{user_id}", ADMIN),
    Row("PATCH /api/admin/users/{user_id}", ADMIN, body={"role": "user"}),
    Row("POST /api/admin/users/{user_id}/suspend", ADMIN, body={"reason": "spam"}),
    Row("POST /api/admin/users/{user_id}/unsuspend", ADMIN),
    Row("GET /api/admin/drift", ADMIN),
    Row("GET /api/admin/repairs", ADMIN),
    Row("POST /api/admin/drift/{finding_id}/adopt", ADMIN, body={"ownerId": "u"}),
    Row("POST /api/admin/drift/{finding_id}/repair", ADMIN),
    Row("POST /api/admin/drift/{finding_id}/delete", ADMIN),
    Row("GET /api/admin/plans", ADMIN),
    Row("POST /api/admin/plans", ADMIN, body={"id": "new", **PLAN}),
    Row("PUT /api/admin/plans/{plan_id}", ADMIN, body=PLAN),
    Row("GET /api/admin/overview", ADMIN),
    Row("GET /api/admin/audit", ADMIN),
    Row("GET /api/admin/fleet", ADMIN),
    Row("GET /api/admin/health", ADMIN),
    Row("GET /api/admin/operations", ADMIN),
    Row("GET /api/announcements", PUBLIC),
    Row("GET /api/admin/announcements", ADMIN),
    Row("POST /api/admin/announcements", ADMIN, body=NEWS),
    Row("PUT /api/admin/announcements/{announcement_id}", ADMIN, body=NEWS),
    Row("DELETE /api/admin/announcements/{announcement_id}", ADMIN),
    Row("POST /api/support/create", PUBLIC, body=QUESTION),
    Row("GET /api/support/tickets", ACCOUNT),
    Row("GET /api/support/tickets/{ticket_id}", SERVER),
    Row("POST /api/support/tickets/{ticket_id}/messages", SERVER, body={"message": "Well?"}),
    Row("POST /api/support/tickets/{ticket_id}/close", SERVER),
    Row("GET /api/admin/support/tickets", ADMIN),
    # servers
    Row("POST /api/instances", CREATE, body=NEW),
    Row("GET /api/instances", ACCOUNT),
    Row("GET /api/instances/{vmid}", SERVER),
    Row("DELETE /api/containers/{vmid}", SERVER),
    Row("GET /api/operations", ACCOUNT),
    Row("GET /api/operations/{operation_id}", SERVER),
    Row("GET /api/instances/operations/{operation_id}", SERVER),
    Row("POST /api/operations/{operation_id}/cancel", SERVER),
    Row("POST /api/operations/{operation_id}/retry", SERVER),  # its first step asks for the place again
    Row("GET /api/events", ACCOUNT),
    Row("GET /api/servers", ACCOUNT),
    Row("GET /api/servers/{server_id}", SERVER),
    Row("PATCH /api/servers/{server_id}", SERVER, body={"displayName": "Home"}),
    Row("GET /api/servers/{server_id}/activity", SERVER),
    Row("GET /api/game/servers/{server_id}/activity", SERVER),
    Row("GET /api/servers/{server_id}/status", SERVER),
    Row("GET /api/servers/{server_id}/players", SERVER),
    Row("GET /api/game/servers/{server_id}/players", SERVER),
    Row("GET /api/servers/{server_id}/update-status", SERVER),
    Row("GET /api/game/servers/{server_id}/update-status", SERVER),
    Row("GET /api/servers/{server_id}/host/status", SERVER),
    Row("POST /api/servers/{server_id}/host/{action}", RUN, fill=START),
    Row("POST /api/servers/{server_id}/host/{action}", RUN, fill=RESTART),
    Row("POST /api/servers/{server_id}/host/{action}", SERVER, fill=STOP),
    Row("GET /api/servers/{server_id}/idle", SERVER),
    Row("PUT /api/servers/{server_id}/idle", SERVER, body={"enabled": True}),
    Row("POST /api/servers/{server_id}/keep-alive", SERVER),
    Row("POST /api/servers/{server_id}/game/{action}", RUN, fill=START),
    Row("POST /api/servers/{server_id}/game/{action}", RUN, fill=RESTART),
    Row("POST /api/servers/{server_id}/game/{action}", SERVER, fill=STOP),
    Row("POST /api/servers/{server_id}/console/command", RUN, body=COMMAND),
    Row("POST /api/game/servers/{server_id}/console/command", RUN, body=COMMAND),
    Row("GET /api/servers/{server_id}/console/log", SERVER),
    Row("GET /api/game/servers/{server_id}/console/log", SERVER),
    Row("POST /api/servers/{server_id}/console/ticket", RUN),
    Row("POST /api/game/servers/{server_id}/console/ticket", RUN),
    Row("WS /api/servers/{server_id}/console/stream", RUN),
    Row("WS /api/game/servers/{server_id}/console/stream", RUN),
    Row("WS /api/console/{server_id}/stream", RUN),
    # files
    *(
        row
        for family in ("/api/servers/{server_id}", "/api/game/servers/{server_id}", "/api/dev/{dev_id}")
        for row in (
            Row(f"GET {family}/files", SERVER),
            Row(f"GET {family}/files/list", SERVER),
            Row(f"GET {family}/files/stat", SERVER, FILE),
            Row(f"GET {family}/files/read", SERVER, FILE),
            Row(f"GET {family}/files/download", SERVER, FILE),
            Row(f"HEAD {family}/files/download", SERVER, FILE),
            Row(f"PUT {family}/files", RUN, FILE, body="text"),
            Row(f"DELETE {family}/files", RUN, FILE),
            Row(f"POST {family}/files/revert", RUN, FILE),
            Row(f"POST {family}/files/move", RUN, f"{FILE}&to=b.txt"),
            Row(f"POST {family}/files/upload", RUN, FILE, body="text"),
        )
    ),
    Row("POST /api/dev/{dev_id}/files/folder", RUN, FILE),
    Row("POST /api/dev/{dev_id}/codeserver/{action}", RUN, fill=START),
    Row("POST /api/dev/{dev_id}/codeserver/{action}", SERVER, fill=STOP),
    Row("POST /api/dev/{dev_id}/ide-token", RUN),
    Row("GET /api/dev/{dev_id}/ide", TUNNEL),
    Row("GET /api/dev/{dev_id}/ports", SERVER),
    Row("PUT /api/dev/{dev_id}/ports/{port}", SERVER, body={"public": False}, fill={"port": "3000"}),
    Row("DELETE /api/dev/{dev_id}/ports/{port}", SERVER, fill={"port": "3000"}),
    # backups and mods
    *(
        row
        for family in ("/api/servers/{server_id}", "/api/game/servers/{server_id}")
        for row in (
            Row(f"GET {family}/backups", SERVER),
            Row(f"POST {family}/backups", RUN, body={"label": "a"}),
            Row(f"POST {family}/backups/restore", RUN, RESTORE),
            Row(f"GET {family}/backups/{{backup_id}}", SERVER),
            Row(f"DELETE {family}/backups/{{backup_id}}", SERVER),
            Row(f"GET {family}/mods", SERVER),
            Row(f"POST {family}/mods/install", RUN, body=MOD),
            Row(f"PATCH {family}/mods/{{mod_id}}", RUN, body=SWITCH),
            Row(f"DELETE {family}/mods/{{mod_id}}", RUN),
        )
    ),
    Row("GET /api/game/mods/search", SERVER, SEARCH),
    # billing
    Row("GET /api/users/profile", ACCOUNT),
    Row("GET /api/billing", ACCOUNT),
    Row("GET /api/billing/current", ACCOUNT),
    Row("GET /api/billing/plans", PUBLIC),
    Row("POST /api/billing/checkout", ACCOUNT, body={"plan": "starter"}),
    Row("POST /api/billing/upgrade", ACCOUNT, body={"plan": "starter"}),
    Row("POST /api/billing/downgrade", ACCOUNT, body={"plan": "starter"}),
    Row("POST /api/billing/cancel", ACCOUNT),
    Row("POST /api/billing/resume", ACCOUNT),
    Row("POST /api/billing/portal", ACCOUNT),
    Row("POST /api/billing/webhook", PUBLIC),
    Row("PUT /api/admin/billing/{user_id}/exempt", ADMIN, body={"exempt": True}),
    Row("GET /api/admin/billing/events", ADMIN),
    Row("GET /api/admin/billing/ledger", ADMIN),
    # the edge
    Row("POST /internal/velocity/proxy-status", EDGE),
    Row("GET /internal/velocity/servers", EDGE),
    Row("GET /api/edge/health", ADMIN),
    Row("POST /api/edge/publish", ADMIN, body=HAND),
    Row("POST /api/edge/unpublish", ADMIN, body=HAND),
    Row("GET /api/edge/drift", ADMIN),
    Row("POST /api/edge/drift", ADMIN, body={"apply": False}),
    Row("GET /api/test/edge/health", ADMIN),
    Row("POST /api/test/edge/publish", ADMIN, body=HAND),
    Row("POST /api/test/edge/unpublish", ADMIN, body=HAND),
    Row("GET /internal/traefik/config", EDGE),
    # monitoring: these callers are programs on this host, and know no token of Prometheus'
    Row("GET /metrics", PUBLIC),
    Row("GET /sd/containers", EDGE),
    Row("GET /sd/exporters", EDGE),
    Row("GET /api/servers/{server_id}/metrics", SERVER),
    Row("GET /api/game/servers/{server_id}/metrics", SERVER),
    Row("POST /internal/velocity/wake", EDGE, body={"server_name": "x"}),
)
