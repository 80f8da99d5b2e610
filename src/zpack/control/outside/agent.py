"""The agent in a container (contract §4).

It is hostile ground: size limits, no redirects, time budgets, and nothing it says about another server is
believed.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.request import current_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.outside.http import Answer, ForeignHttp

CALL_SECONDS = 10.0
CONSOLE_FAILED = "Agent console failed"
POLL_SECONDS = 2.0
WITH_BODY = frozenset({200, 201, 202})
BODY_LIMIT = 1 << 20
TEXT_LIMIT, LINE_LIMIT, LINES_LIMIT, MOTD_LIMIT = 2000, 500, 100, 200
STATUS_FIELDS = (
    "state", "processRunning", "ready", "readySource", "readyError", "lastReadyAt", "installStep",
    "crashCount", "lastCrashTime", "lastCrashExitCode", "lastCrashSignal", "lastCrashUptimeSeconds",
    "lastCrashLogTail", "error", "timestamp", "operationInProgress", "operationType", "operationStartedAt",
    "operationMessage", "maintenance", "provisioningComplete", "provisioningError", "provisioningErrorCode",
    "codeServerRequested", "codeServerInstalled", "codeServerRunning", "codeServerVersion",
)  # fmt: skip


class AgentRefused(Refusal):
    """The agent answered no: ``{error: <fallback>, details: <its body>}`` with its status (row S64)."""

    kind = "upstream"

    def __init__(self, message: str, *, status: int, body: Any, fallback: str) -> None:
        super().__init__(message, details=body, status=status)
        self.status = status
        self.code = fallback


class Agents:
    """Talks to every agent through one pooled session."""

    def __init__(self, *, http: ForeignHttp, port: int, master: str, fixed_token: str | None) -> None:
        self._http = http
        self._port = port
        self._master = master
        self._fixed = fixed_token

    def token_for(self, vmid: int, seed: str) -> str:
        """Return the bearer of one server: derived, so it need not be stored to be known again."""
        if self._fixed:
            return self._fixed
        text = f"agent:{vmid}:{seed}".encode()
        return hmac.new(self._master.encode(), text, hashlib.sha256).hexdigest()

    async def configure(self, ip: str, token: str, payload: Mapping[str, Any]) -> None:
        """Deliver the payload; sending it again is harmless."""
        body = dict(payload)
        if not self._fixed:
            body["agent_token"] = token
        await self.call("POST", ip, "/config", token, fallback="Agent config failed", json_body=body)

    async def ready(self, ip: str, token: str) -> tuple[int, Any]:
        """Return status and body of ``GET /ready``; ``heartbeat.readiness`` judges them (row S20)."""
        answer = await self._ask("GET", ip, "/ready", token, seconds=POLL_SECONDS)
        return answer.status, answer.json

    async def status(self, ip: str, token: str) -> dict[str, Any]:
        """Return the known fields of ``GET /status``. Raises ForeignError when it is no object."""
        answer = await self._ask("GET", ip, "/status", token, seconds=POLL_SECONDS)
        return parsed_status(answer.status, answer.json)

    async def healthy(self, ip: str, token: str) -> bool:
        """Say whether ``GET /health`` answers 200."""
        try:
            return (await self._ask("GET", ip, "/health", token, seconds=POLL_SECONDS)).status == 200  # noqa: PLR2004
        except ForeignError:
            return False

    async def players(self, ip: str, token: str) -> dict[str, Any] | None:
        """Return ``{online, max, players}`` of a Minecraft server, or None while it has none."""
        answer = await self._ask("GET", ip, "/game/players", token, seconds=POLL_SECONDS)
        return parsed_players(answer.json) if answer.status == 200 else None  # noqa: PLR2004 - HTTP 200

    async def power(self, ip: str, token: str, action: str) -> Any:
        """Start, stop or restart the workload. Raises AgentRefused, ForeignError."""
        return await self.call(
            "POST", ip, f"/{action}", token, fallback=f"Agent {action} failed", seconds=40.0
        )

    async def command(self, ip: str, token: str, command: str) -> Any:
        """Type one console line. Raises AgentRefused, ForeignError."""
        body = {"command": command}
        return await self.call("POST", ip, "/console/command", token, fallback=CONSOLE_FAILED, json_body=body)

    async def console(self, ip: str, token: str, *, after: int, wait: float) -> Any:
        """Return console lines newer than ``after``, waiting for some up to ``wait`` seconds."""
        params = {"after": str(after), "wait": str(wait)}
        return await self.call(
            *("GET", ip, "/console/log", token),
            fallback=CONSOLE_FAILED,
            params=params,
            seconds=wait + CALL_SECONDS,
        )

    async def call(self, method: str, ip: str, path: str, token: str, *, fallback: str, **call: Any) -> Any:
        """Make one bounded call and return its parsed body as it is (row S63).

        ``call`` may carry ``params``, ``json_body``, ``seconds`` and ``limit`` (bytes). Raises AgentRefused,
        whose answer says ``fallback`` and carries the agent's status and body; ForeignError.
        """
        return (await self.exchange(method, ip, path, token, fallback=fallback, **call))[1]

    async def exchange(
        self, method: str, ip: str, path: str, token: str, *, fallback: str, **call: Any
    ) -> tuple[int, Any]:
        """Make one call as :meth:`call`, and return the agent's status too: 200, 201 or 202."""
        answer = await self._ask(method, ip, path, token, **call)
        body = answer.json
        if answer.status >= 300:  # noqa: PLR2004 - 2xx is success, whatever its body
            raise refusal_of(answer.status, body, fallback=fallback)
        return answer.status if answer.status in WITH_BODY else 200, body

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()

    async def _ask(
        self,
        method: str,
        ip: str,
        path: str,
        token: str,
        *,
        seconds: float = CALL_SECONDS,
        limit: int = BODY_LIMIT,
        **call: Any,
    ) -> Answer:
        return await self._http.request(
            method,
            f"http://{ip}:{self._port}{path}",
            budget=Budget.seconds(seconds),
            headers={"Authorization": f"Bearer {token}", **_named()},
            limit=limit,
            **call,
        )


def refusal_of(status: int, body: Any, *, fallback: str) -> AgentRefused:
    """Return the refusal that an agent's answer is."""
    message = _said(body) or f"The agent answered {status}."
    return AgentRefused(message, status=status, body=body, fallback=fallback)


def parsed_status(status: int, body: Any) -> dict[str, Any]:
    """Return the known fields of ``GET /status``. Raises ForeignError when it is no object."""
    if status != 200 or not isinstance(body, dict):  # noqa: PLR2004 - HTTP 200
        message = f"the agent answered /status with {status} and no object"
        raise ForeignError(message, transient=True, status=status)
    return {key: _bounded(body[key]) for key in STATUS_FIELDS if key in body}


def parsed_version(body: Any) -> dict[str, Any]:
    """Return ``{agentVersion}`` of ``GET /version``."""
    version = body.get("version") if isinstance(body, dict) else None
    return {"agentVersion": version[:64] if isinstance(version, str) else None}


def parsed_update(body: Any) -> dict[str, Any]:
    """Return ``{updateStatus, updateAvailable}`` of ``GET /agent/update/status``."""
    found = body if isinstance(body, dict) else {}
    status = found.get("status", found.get("updateStatus", found.get("state")))
    available = found.get("updateAvailable", found.get("available"))
    return {
        "updateStatus": status[:64] if isinstance(status, str) else None,
        "updateAvailable": available is True,
    }


def parsed_players(body: Any) -> dict[str, Any] | None:
    """Return a bounded, typed copy of the agent's player list."""
    if not isinstance(body, dict):
        return None
    names = body.get("players")
    listed = [n[:32] for n in names[:1000] if isinstance(n, str)] if isinstance(names, list) else []
    motd = body.get("motd")
    said = {"motd": motd[:MOTD_LIMIT]} if isinstance(motd, str) and motd else {}
    return {"online": _count(body.get("online")), "max": _count(body.get("max")), "players": listed, **said}


def _bounded(value: Any) -> Any:
    """Return a field of a status as it may be kept: short text, few lines, plain numbers."""
    if isinstance(value, str):
        return value[:TEXT_LIMIT]
    if isinstance(value, list):
        return [line[:LINE_LIMIT] for line in value[:LINES_LIMIT] if isinstance(line, str)]
    return value if isinstance(value, bool | int | float) else None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else 0


def _named() -> dict[str, str]:
    """Return the header by which the agent's log names the request it is asked for."""
    request_id = current_request.get()
    return {"X-Request-Id": request_id} if request_id else {}


def _said(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    for key in ("message", "error"):
        if isinstance(body.get(key), str) and body[key]:
            return body[key][:500]
    return None
