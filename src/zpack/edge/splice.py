"""Two connections become one: bytes are handed on as they come, and both ends end together.

Transports and protocols instead of streams: one call a chunk, no task and no copy of our own. Back-pressure
is the slow side's full write buffer, which stops reading from the fast side.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

HIGH_WATER = 256 * 1024
RETAINED = 16 * 1024


@dataclass(frozen=True)
class Patience:
    """How long a splice waits, in seconds."""

    idle: float = 120.0
    half_closed: float = 30.0
    linger: float = 5.0


@dataclass(frozen=True)
class Events:
    """Whom the splice tells, each at most once.

    ``answered``: the backend sent its first byte. ``silent``: it ended or waited too long without any, and
    the player, whose bytes so far are handed back, is still there. ``ended``: both connections are gone.
    """

    answered: Callable[[], None]
    silent: Callable[[bytes], None]
    ended: Callable[[], None]


class Half(asyncio.Protocol):
    """One end of a splice: what it receives goes to ``other``."""

    transport: asyncio.Transport
    other: Half

    def __init__(self, splice: Splice) -> None:
        self._splice = splice
        self.open = False
        self.finished = False
        """Its end of file has been handed on."""

    def attach(self, transport: asyncio.Transport) -> None:
        """Take over a connection."""
        self.transport, self.open = transport, True
        transport.set_write_buffer_limits(high=HIGH_WATER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over the new connection."""
        self.attach(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        self._splice.active = True
        if self.other.open:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        """Stop reading from the other side: this one cannot take more."""
        if self.other.open and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read from the other side again."""
        if self.other.open and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """Hand the end of file on; the other direction stays open until it ends as well."""
        self.finished = True
        if not self.other.open or self.other.finished:
            return False
        if not self.other.transport.is_closing():
            self.other.transport.write_eof()
        self._splice.half_closed()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too."""
        del exc
        self.open = False
        self._splice.lost()


class PlayerHalf(Half):
    """The player's end; until the backend has spoken, what it sent is kept for an answer of our own."""

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        if self._splice.retained is not None:
            self._splice.retain(data)
        super().data_received(data)


class BackendHalf(Half):
    """The game server's end; its first byte makes the connection a real one."""

    def data_received(self, data: bytes) -> None:
        """Hand bytes on."""
        if not self._splice.spoken:
            self._splice.first_answer()
        super().data_received(data)

    def eof_received(self) -> bool:
        """Hand the end of file on, unless nothing was ever said."""
        return super().eof_received() if self._splice.spoken else False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the player's side, or answer in the backend's place."""
        self.open = False
        if not self._splice.fall_silent():
            super().connection_lost(exc)


class Splice:
    """Joins a player to a backend. Make one, connect ``backend``, then ``begin``."""

    def __init__(self, *, patience: Patience, events: Events) -> None:
        self._patience, self._events = patience, events
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.retained: bytearray | None = bytearray()
        self.active = False
        self.spoken = False
        self.player = PlayerHalf(self)
        self.backend = BackendHalf(self)
        self.player.other, self.backend.other = self.backend, self.player

    def begin(
        self, player: asyncio.Transport, *, preface: bytes, first: bytes, answer_seconds: float
    ) -> None:
        """Join them: send the preface, then the player's first bytes, and wait for an answer."""
        self.player.attach(player)
        player.set_protocol(self.player)
        self.retain(first)
        self.backend.transport.write(preface + first)
        self._timer = self._loop.call_later(answer_seconds, self._no_answer)
        player.resume_reading()

    def retain(self, data: bytes) -> None:
        """Keep the player's bytes; one who sends a lot unanswered loses the polite answer, not the game."""
        if self.retained is not None:
            self.retained += data
            if len(self.retained) > RETAINED:
                self.retained = None

    def first_answer(self) -> None:
        """Note that the backend speaks."""
        self.spoken, self.retained = True, None
        self._events.answered()
        self._rearm(self._patience.idle)

    def fall_silent(self) -> bool:
        """Give the player back if the backend left without a word; say whether that was so."""
        if self.spoken or self.retained is None or not self.player.open or self._over:
            return False
        retained, self.retained = bytes(self.retained), None
        self._over = True
        self._stop_timer()
        self.player.open = False
        self._events.silent(retained)
        return True

    def half_closed(self) -> None:
        """Wait less for what is left once one side has said all."""
        if self.spoken:
            self._rearm(self._patience.half_closed)

    def lost(self) -> None:
        """End what is left, flushing it within the linger time; tell when both are gone."""
        halves = (self.player, self.backend)
        if not any(half.open for half in halves):
            self._stop_timer()
            if not self._over:
                self._over = True
                self._events.ended()
            return
        for half in halves:
            if half.open:
                half.transport.close()
        self._stop_timer()
        self._timer = self._loop.call_later(self._patience.linger, self.abort)

    def close(self) -> None:
        """End both sides, flushing what was received."""
        self.lost()

    def abort(self) -> None:
        """Drop both sides now."""
        for half in (self.player, self.backend):
            if half.open:
                half.transport.abort()

    def _no_answer(self) -> None:
        """Give up on a backend that took the connection and says nothing."""
        if not self.fall_silent():
            self.abort()
        elif self.backend.open:
            self.backend.transport.abort()

    def _rearm(self, seconds: float) -> None:
        self._stop_timer()
        self.active = False
        self._timer = self._loop.call_later(seconds, self._check, seconds)

    def _check(self, seconds: float) -> None:
        """End a splice that carried nothing for a whole period: idle, or a side that does not read."""
        if self.active:
            self._rearm(seconds)
        else:
            self.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
