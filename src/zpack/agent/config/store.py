"""What the agent remembers over its own death: payload, token, and whether the workload should run."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Any

from zpack.agent.config.files import read_json, read_small, write_beside, write_json
from zpack.agent.config.payload import TOKEN, DevPayload, Payload, parse_payload
from zpack.agent.logs import hide
from zpack.agent.problems import WRONG_TYPE, Conflict, Invalid, Unauthorized

if TYPE_CHECKING:
    from pathlib import Path


class Tokens:
    """Who may speak to this agent: the bearer of the token, once there is one."""

    def __init__(self, *, home: Path, from_environment: str | None) -> None:
        self._file = home / "config" / "token"
        saved = (read_small(self._file) or b"").decode(errors="replace").strip()
        # A token was given once and cannot be read: better nobody than anybody.
        self._lost = os.path.lexists(self._file) and not TOKEN.fullmatch(saved)
        self._token = saved or from_environment or ""
        hide(self._token)

    @property
    def known(self) -> bool:
        """Whether a token was ever given."""
        return bool(self._token)

    def accept(self, authorization: str | None) -> None:
        """Check an ``Authorization`` header, in constant time. Raises :class:`Unauthorized`."""
        if self._lost:
            raise Unauthorized("this agent's token file is damaged; it has to be removed by hand")
        if not self._token:
            return
        scheme, _, given = (authorization or "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(errors="replace"), self._token.encode())
        if scheme.lower() != "bearer" or not right:
            raise Unauthorized("this agent needs its own bearer token")

    def replace(self, token: str) -> None:
        """Take the instance's own token; it stands in for the environment's. Raises ``OSError``."""
        if token and token != self._token:
            hide(token)
            write_beside(self._file, token.encode(), mode=0o600)
            self._token = token


class ConfigStore:
    """The files below ``<home>/config`` and ``<home>/state``. All are readable by their owner only."""

    def __init__(self, *, home: Path, tokens: Tokens) -> None:
        self._tokens = tokens
        self._payload_file = home / "config" / "payload.json"
        self._state_file = home / "state" / "workload.json"
        self._saved = self._load()
        hide(self.payload.admin_pass if self.payload else "")
        self._state = read_json(self._state_file)

    @property
    def saved(self) -> Payload | DevPayload | None:
        """The saved payload of either type, if there is a usable one."""
        return self._saved

    @property
    def payload(self) -> Payload | None:
        """The saved payload of a game container."""
        return self._saved if isinstance(self._saved, Payload) else None

    @property
    def dev(self) -> DevPayload | None:
        """The saved payload of a dev container."""
        return self._saved if isinstance(self._saved, DevPayload) else None

    @property
    def desired_running(self) -> bool:
        """Whether the workload should run when the agent starts."""
        return self._state.get("desired") == "running"

    @property
    def crash(self) -> dict[str, Any]:
        """What is remembered of crashes."""
        crash = self._state.get("crash")
        return crash if isinstance(crash, dict) else {}

    def save(self, payload: Payload | DevPayload) -> None:
        """Save a payload, its token first: a payload without its guard must not survive a crash.

        Raises :class:`Conflict` when the container is of the other type, ``OSError``.
        """
        if self._saved is not None and type(self._saved) is not type(payload):
            msg = "this container was configured as the other type; that is decided once"
            raise Conflict(msg, code=WRONG_TYPE)
        if isinstance(payload, Payload):
            hide(payload.admin_pass)
        self._tokens.replace(payload.agent_token)
        write_json(self._payload_file, payload.as_json())
        self._saved = payload

    def remember(self, *, desired_running: bool | None = None, crash: dict[str, Any] | None = None) -> None:
        """Save the intent or the crash record. Raises ``OSError``."""
        state = dict(self._state)
        if desired_running is not None:
            state["desired"] = "running" if desired_running else "stopped"
        if crash is not None:
            state["crash"] = crash
        if state != self._state:
            write_json(self._state_file, state)
            self._state = state

    def _load(self) -> Payload | DevPayload | None:
        saved = read_json(self._payload_file)
        try:
            return parse_payload(saved) if saved else None
        except Invalid:
            return None
