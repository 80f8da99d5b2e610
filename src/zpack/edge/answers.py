"""What a player reads when no game server speaks for itself: pure."""

from __future__ import annotations

from typing import Any, Literal

from zpack.wire import minecraft as mc

State = Literal["starting", "unknown"]
OUTDATED = -1
"""No client has this protocol, so each shows our version's name, in red, where the player count would be."""
VERSIONS: dict[State, str] = {"starting": "starting…", "unknown": "no such server"}
SHOWN = 64


def status_text(state: State, host: str) -> str:
    """Return the line for the server list."""
    if state == "starting":
        return f"{shown(host)} is starting… try again in a moment"
    return f"There is no server called {shown(host)} here" if host else "Join by your server's own name"


def login_text(state: State, host: str) -> str:
    """Return what is read on the disconnect screen."""
    if state == "starting":
        return f"{shown(host)} is starting, try again in a moment."
    return f"There is no server called {shown(host)} here. Check the address." if host else "Unknown server."


def status_document(state: State, host: str) -> dict[str, Any]:
    """Return the status; ``zpack.state`` lets programs tell it from a game server's own."""
    return {
        "version": {"name": VERSIONS[state], "protocol": OUTDATED},
        "players": {"max": 0, "online": 0, "sample": []},
        "description": {"text": status_text(state, host)},
        "zpack": {"state": state},
    }


def shown(host: str) -> str:
    """Return a stranger's text fit for a screen and a log line."""
    return "".join(c if c.isprintable() and c != "\u00a7" else "?" for c in host[:SHOWN])


class Conversation:
    """Speaks the server's side of a status or a login that leads to no game. Sans-I/O."""

    def __init__(self, opening: mc.Opening, *, state: State) -> None:
        self._opening = opening
        self._state: State = state
        self._framer = mc.Framer()
        self._answered = False
        self.done = False
        """Nothing more is to be said: close after sending."""

    def begin(self) -> bytes:
        """Return what is said before the client says more."""
        if not isinstance(self._opening, mc.LegacyPing):
            return b""
        self.done = True
        text = status_text(self._state, self._opening.host)
        return mc.legacy_answer(self._opening, text=text, version=VERSIONS[self._state])

    def receive(self, data: bytes) -> bytes:
        """Return the answer to the client's next bytes. Raises ProtocolError."""
        return b"".join(self._answer(reader) for reader in self._framer.feed(data) if not self.done)

    def _answer(self, reader: mc.Reader) -> bytes:
        opening = self._opening
        if isinstance(opening, mc.Handshake) and opening.next_state != mc.STATUS:
            mc.parse_login_start(reader)
            self.done = True
            return mc.login_disconnect(login_text(self._state, opening.host))
        if reader.packet_id == 0 and not self._answered:
            self._answered = True
            return mc.status_response(status_document(self._state, opening.host))
        self.done = True
        return mc.ping(mc.parse_ping(reader))
