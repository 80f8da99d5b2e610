"""A scripted agent: the agent's HTTP contract without an agent. It shares no code with the real one."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.localpve.backends.sim_game import SimGame
from zpack.localpve.backends.sim_http import Answer, Asked, CutOff, SimConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from zpack.localpve.backends.sim_script import Behaviour, Kind, Script

AGENT_PORT = 18888
LINES = 500
GARBAGE = b"\x00\xff{{{ not json " * 64
WAIT_LIMIT = 60.0


class SimAgent:
    """One scripted agent on one address. ``keep`` is called with each payload that is delivered."""

    def __init__(
        self,
        *,
        ip: str,
        script: Script,
        payload: Mapping[str, Any] | None = None,
        keep: Callable[[bytes], None] | None = None,
        port: int = AGENT_PORT,
    ) -> None:
        self._ip = ip
        self._port = port
        self._script = script
        self._keep = keep
        self._server: asyncio.Server | None = None
        self._game = SimGame(ip)
        self._payload: Mapping[str, Any] | None = None
        self._behaviour: Behaviour | None = None
        self._began = 0.0
        self._stopped = False
        self._lines: deque[tuple[int, str]] = deque(maxlen=LINES)
        self._sequence = 0
        self._spoken: asyncio.Event | None = None
        self._connections: set[SimConnection] = set()
        self._answers: dict[tuple[str, str], Callable[[Asked], Answer | Awaitable[Answer]]] = {
            ("GET", "/health"): self._health,
            ("GET", "/ready"): self._ready,
            ("GET", "/status"): self._status,
            ("GET", "/version"): self._version,
            ("GET", "/agent/update/status"): self._update,
            ("POST", "/config"): self._config,
            ("POST", "/start"): self._start,
            ("POST", "/stop"): self._stop,
            ("POST", "/restart"): self._start,
            ("POST", "/console/command"): self._command,
            ("GET", "/console/log"): self._log,
            ("GET", "/game/players"): self._players,
        }
        if payload is not None:
            self._take(payload)

    async def start(self) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, self._ip, self._port)

    async def close(self) -> None:
        """Stop listening, and break off every connection: the guest is gone."""
        await self._game.close()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()

    def _connected(self) -> SimConnection:
        return SimConnection(self._answer, self._connections)

    # --- what it is like -------------------------------------------------------------------------

    @property
    def _kind(self) -> Kind:
        """How it behaves now."""
        behaviour = self._behaviour
        if behaviour is None or time.monotonic() - self._began < behaviour.after:
            return "ready"
        return behaviour.kind

    @property
    def _is_ready(self) -> bool:
        behaviour = self._behaviour
        if behaviour is None or self._stopped:
            return False
        kind, age = self._kind, time.monotonic() - self._began
        if kind == "flapping":
            return age % behaviour.period < behaviour.period / 2
        return kind in {"ready", "slow", "lying"} and age >= behaviour.ready_after

    def _state(self) -> str:
        if self._behaviour is None or self._stopped:
            return "idle"
        told = {"error": "error", "lying": "crashed"}.get(self._kind)
        if told or self._is_ready:
            return told or "running"
        return "stopped" if self._kind == "flapping" else "starting"

    # --- what it says ----------------------------------------------------------------------------

    def _answer(self, asked: Asked) -> Answer | Awaitable[Answer]:
        """Play the scripted fault, then demand the token, then answer."""
        kind = self._kind if asked.path != "/config" else "ready"
        if kind == "hang":
            return asyncio.Event().wait()  # pyright: ignore[reportReturnType] - never ends
        if kind == "garbage":
            return Answer(200, GARBAGE)
        if kind == "dead":
            raise CutOff
        token = str((self._payload or {}).get("agent_token") or "")
        if token and asked.path != "/health" and not hmac.compare_digest(asked.token, token):
            return _json(401, {"error": "unauthorized", "message": "wrong token"})
        answer = self._answers.get((asked.method, asked.path))
        if answer is None:
            return _json(404, {"error": "not_found", "message": "scripted agents have no such route"})
        if kind == "slow" and self._behaviour is not None:
            return self._slowly(answer, asked, self._behaviour.delay)
        return answer(asked)

    async def _slowly(
        self, answer: Callable[[Asked], Answer | Awaitable[Answer]], asked: Asked, delay: float
    ) -> Answer:
        await asyncio.sleep(delay)
        found = answer(asked)
        return found if isinstance(found, Answer) else await found

    def _health(self, _: Asked) -> Answer:
        return Answer(200, b'{"status":"ok"}')

    def _version(self, _: Asked) -> Answer:
        return _json(200, {"version": "v0.0.0-sim"})

    def _update(self, _: Asked) -> Answer:
        return _json(200, {"status": "current", "updateAvailable": False})

    def _ready(self, _: Asked) -> Answer | Awaitable[Answer]:
        if not self._is_ready:
            return _json(503, {"ready": False, "readyError": "scripted: not ready"})
        now = datetime.now(UTC).isoformat()
        said = _json(200, {"ready": True, "readySource": "minecraft_ping", "lastReadyAt": now})
        return said if self._game.is_open else self._with_game(said)

    async def _with_game(self, said: Answer) -> Answer:
        """Let the game listen before it is called ready."""
        await self._game.open()
        return said

    def _status(self, _: Asked) -> Answer:
        state, ready = self._state(), self._is_ready
        reason = self._behaviour.reason if state == "error" and self._behaviour else None
        return _json(
            200,
            {
                "state": state,
                "processRunning": state == "running",
                "ready": ready,
                "readySource": "minecraft_ping" if ready else None,
                "installStep": None,
                "crashCount": 1 if state == "crashed" else 0,
                "lastCrashLogTail": [],
                "error": reason,
                "timestamp": int(time.time()),
                "operationInProgress": False,
                "maintenance": False,
            },
        )

    def _config(self, asked: Asked) -> Answer:
        try:
            payload = json.loads(asked.body)
        except ValueError:
            payload = None
        if not isinstance(payload, dict):
            return _json(400, {"error": "invalid_payload", "message": "the payload must be an object"})
        self._take(payload)
        if self._keep is not None:
            self._keep(asked.body)
        self._say(f"configured as {payload.get('variant')}")
        return _json(202, {"ok": True, "state": "installing"})

    def _take(self, payload: Mapping[str, Any]) -> None:
        self._payload = payload
        self._behaviour = self._script.behaviour(payload, self._ip)
        self._began, self._stopped = time.monotonic(), False

    def _start(self, _: Asked) -> Answer:
        self._began, self._stopped = time.monotonic(), False
        self._say("starting")
        return _json(200, {"ok": True, "state": "starting"})

    async def _stop(self, _: Asked) -> Answer:
        self._stopped = True
        await self._game.close()
        self._say("stopped")
        return Answer(204, b"")

    def _command(self, asked: Asked) -> Answer:
        try:
            self._say(f"> {json.loads(asked.body)['command']}")
        except (ValueError, KeyError, TypeError):
            return _json(400, {"error": "invalid_command", "message": "a command is needed"})
        return _json(200, {"ok": True})

    async def _log(self, asked: Asked) -> Answer:
        after = int(asked.query.get("after", "0"))
        if self._sequence <= after:
            self._spoken = self._spoken or asyncio.Event()
            try:
                async with asyncio.timeout(min(WAIT_LIMIT, float(asked.query.get("wait", "0")))):
                    await self._spoken.wait()
            except TimeoutError:
                pass
        lines = [{"seq": n, "line": text} for n, text in self._lines if n > after]
        lost = bool(self._lines) and self._lines[0][0] > after + 1
        return _json(200, {"lines": lines, "next": self._sequence, "lost": lost})

    def _players(self, _: Asked) -> Answer:
        return _json(200, {"online": 0, "max": 20, "players": []})

    def _say(self, line: str) -> None:
        self._sequence += 1
        self._lines.append((self._sequence, line))
        if self._spoken is not None:
            self._spoken.set()
            self._spoken = None


def _json(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body).encode())
