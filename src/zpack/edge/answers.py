"""What a player reads when no game server speaks for itself: pure."""

from __future__ import annotations

from typing import Any, Literal

from zpack.wire import minecraft as mc

State = Literal["starting", "unknown", "asleep"]
OUTDATED = -1
"""No client has this protocol, so each shows our version's name, in red, where the player count would be."""
VERSIONS: dict[State, str] = {"starting": "starting…", "unknown": "no such server", "asleep": "asleep"}
SLOTS = 20
"""How many seats a sleeping server shows: as many as a fresh one has."""
SHOWN = 64


def status_text(state: State, host: str) -> str:
    """Return the line for the server list."""
    if state == "starting":
        return f"{shown(host)} is starting… try again in a moment"
    if state == "asleep":
        return f"{shown(host)} is asleep; join to wake it"
    return f"There is no server called {shown(host)} here" if host else "Join by your server's own name"


def login_text(state: State, host: str) -> str:
    """Return what is read on the disconnect screen."""
    if state == "starting":
        return f"{shown(host)} is starting, try again in a moment."
    return f"There is no server called {shown(host)} here. Check the address." if host else "Unknown server."


def woken_text(host: str, answer: Literal["starting", "refused", "later"], seconds: int) -> str:
    """Return what is read by who wanted to join a sleeping server."""
    if answer == "starting":
        when = f"in about {seconds} s" if seconds else "in a moment"
        return f"{shown(host)} is starting, join again {when}."
    if answer == "refused":
        return f"{shown(host)} is asleep and cannot be woken by joining."
    return f"{shown(host)} is asleep and cannot be woken just now. Try again in a minute."


def status_document(state: State, host: str, protocol: int) -> dict[str, Any]:
    """Return the status; ``zpack.state`` lets programs tell it from a game server's own.

    That of a server that sleeps is one a client of any version would join, for so it wakes it.
    """
    joinable = state == "asleep"
    return {
        "version": {"name": VERSIONS[state], "protocol": protocol if joinable else OUTDATED},
        "players": {"max": SLOTS if joinable else 0, "online": 0, "sample": []},
        "description": {"text": status_text(state, host)},
        "zpack": {"state": state},
    }


def shown(host: str) -> str:
    """Return a stranger's text fit for a screen and a log line."""
    return "".join(c if c.isprintable() and c != "\u00a7" else "?" for c in host[:SHOWN])


class Conversation:
    """Speaks the server's side of a status or a login that leads to no game. Sans-I/O."""

    def __init__(self, opening: mc.Opening, *, state: State, sleeper: bool = False) -> None:
        self._opening = opening
        self._state: State = state
        self._sleeper = sleeper
        self._framer = mc.Framer()
        self._answered = False
        self.wakes = False
        """A player has logged in to a server that sleeps: say :meth:`refuse` when it was asked for."""
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
        if self.wakes:
            return b""
        return b"".join(self._answer(reader) for reader in self._framer.feed(data) if not self.done)

    def refuse(self, text: str) -> bytes:
        """Return the end of a login."""
        self.done = True
        return mc.login_disconnect(text)

    def _answer(self, reader: mc.Reader) -> bytes:
        opening = self._opening
        if isinstance(opening, mc.Handshake) and opening.next_state != mc.STATUS:
            return self._login(reader, opening.host)
        if reader.packet_id == 0 and not self._answered:
            self._answered = True
            protocol = opening.protocol if isinstance(opening, mc.Handshake) else OUTDATED
            return mc.status_response(status_document(self._state, opening.host, protocol))
        self.done = True
        return mc.ping(mc.parse_ping(reader))

    def _login(self, reader: mc.Reader, host: str) -> bytes:
        if self.wakes:
            return b""
        mc.parse_login_start(reader)
        if self._sleeper:
            self.wakes = True
            return b""
        return self.refuse(login_text(self._state, host))
