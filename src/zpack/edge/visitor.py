"""One player's connection from its first byte until a game server, or we, have answered it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from zpack.edge.answers import Conversation, State, shown, woken_text
from zpack.edge.limits import Counts, Limits, Rate, bucket_of
from zpack.edge.proxy_header import Address, build_header, parse_header
from zpack.edge.splice import Events, Patience, Splice
from zpack.wire import minecraft as mc

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from zpack.edge.names import Target
    from zpack.edge.table import Table
    from zpack.edge.wakes import Wakes

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
log = logging.getLogger("zpack.edge.players")


@dataclass(frozen=True)
class Terms:
    """What a player's connection is granted; times are seconds."""

    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)
    opening: float = 5.0
    quiet: float = 0.3
    dial: float = 3.0
    status_answer: float = 4.0
    login_answer: float = 20.0
    talk: float = 10.0
    trusted: tuple[Network, ...] = ()
    """Whose connections must begin with a PROXY header."""
    tell_backends: bool = False
    """Whether backends get a PROXY header."""


@dataclass(frozen=True)
class Premises:
    """What all visitors share."""

    table: Table
    terms: Terms
    wakes: Wakes
    rate: Rate
    half_open: Counts
    """Those no game server has answered yet."""
    connected: Counts
    """All of them."""
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    visitors: set[Visitor] = field(default_factory=set)
    departed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a visitor has left."""


class Visitor(asyncio.Protocol):
    """Reads the opening, finds the server, joins both; or tells the player why not."""

    _transport: asyncio.Transport

    def __init__(self, premises: Premises) -> None:
        self._premises, self._terms = premises, premises.terms
        self._data = bytearray()
        self._bucket: str | None = None
        self._half_open: str | None = None
        self._peer: Address | None = None
        self._await_header = False
        self._opening: mc.Opening | None = None
        self._conversation: Conversation | None = None
        self._splice: Splice | None = None
        self._sleeper: Target | None = None
        self._waking: asyncio.Task[None] | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._silence: asyncio.TimerHandle | None = None

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the visitor, or drop it without a word: words would cost what the limits save."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self._peer = (str(name[0]), int(name[1])) if name else ("?", 0)
        self._await_header = self._is_trusted(self._peer[0])
        if not self._admit(self._peer[0], exempt=self._await_header):
            self._transport.abort()
            return
        self._premises.visitors.add(self)
        self._wait(self._terms.opening)

    def data_received(self, data: bytes) -> None:
        """Take in bytes of the opening or of a conversation."""
        if self._transport.is_closing():
            return
        try:
            if self._conversation is not None:
                self._say(self._conversation, self._conversation.receive(data))
            else:
                self._data += data
                self._advance(quiet=False)
        except mc.ProtocolError as error:
            log.debug("%s: %s", self._peer, error)
            self._transport.abort()

    def eof_received(self) -> bool:
        """Take an early end for silence; what was said so far is still flushed."""
        if self._opening is None:
            self._on_silence()
        return self._dialing is not None or (self._waking is not None and not self._waking.done())

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the visitor."""
        del exc
        if self._dialing is not None:
            self._dialing.cancel()
        self._depart()

    def close(self) -> None:
        """End the visit, flushing what was said."""
        if self._splice is not None:
            self._splice.close()
        else:
            self._transport.close()

    def abort(self) -> None:
        """End the visit now."""
        if self._splice is not None:
            self._splice.abort()
        self._transport.abort()

    # --- the opening

    def _advance(self, *, quiet: bool) -> None:
        if self._opening is not None or (self._await_header and not self._take_header()):
            return
        opening = mc.parse_opening(self._data, quiet=quiet)
        if opening is not None:
            self._opened(opening)
        elif self._silence is None and bytes(self._data) in mc.MAYBE_LEGACY:
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(self._terms.quiet, self._on_silence)

    def _take_header(self) -> bool:
        source = parse_header(self._data)
        if source is None:
            return False
        del self._data[: source.consumed]
        self._await_header = False
        if source.peer is None:
            return True
        self._leave()
        self._peer = source.peer
        if not self._admit(source.peer[0], exempt=False):
            raise mc.ProtocolError("too many connections from this address")
        return True

    def _on_silence(self) -> None:
        try:
            self._advance(quiet=True)
        except mc.ProtocolError:
            self._transport.abort()

    def _opened(self, opening: mc.Opening) -> None:
        self._opening = opening
        self._stop_timers()
        target = self._premises.table.route(opening.host)
        if target is None:
            self._talk("unknown", bytes(self._data[opening.consumed :]))
            return
        if target.asleep:
            state: State = "starting" if self._premises.wakes.starting(target.name) else "asleep"
            self._talk(state, bytes(self._data[opening.consumed :]), sleeper=target)
            return
        self._transport.pause_reading()
        self._dialing = self._premises.spawn(self._dial(target, opening))

    # --- to a game server

    async def _dial(self, target: Target, opening: mc.Opening) -> None:
        events = Events(answered=self._settle, silent=self._silent, ended=self._depart)
        splice = Splice(patience=self._patience(opening), events=events)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._terms.dial):
                await loop.create_connection(lambda: splice.backend, target.address, target.port)
        except (OSError, TimeoutError):
            self._starting(bytes(self._data[opening.consumed :]))
            return
        self._dialing = None
        if self._transport.is_closing():
            splice.backend.transport.abort()
            return
        log.info("%s:%s goes to %s", *(self._peer or ("?", 0)), target.name)
        self._splice = splice
        splice.begin(
            self._transport,
            preface=self._preface() if self._terms.tell_backends else b"",
            first=bytes(self._data),
            answer_seconds=self._answer_seconds(opening),
        )
        self._data.clear()

    def _preface(self) -> bytes:
        here = self._transport.get_extra_info("sockname")
        return build_header(self._peer, (str(here[0]), int(here[1])) if here else None)

    def _answer_seconds(self, opening: mc.Opening) -> float:
        return self._terms.login_answer if _is_login(opening) else self._terms.status_answer

    def _patience(self, opening: mc.Opening) -> Patience:
        """A player may be quiet for a while; a status has nothing to wait for."""
        patience = self._terms.patience
        return (
            patience if _is_login(opening) else replace(patience, idle=min(patience.idle, self._terms.talk))
        )

    def _silent(self, said: bytes) -> None:
        """Answer in the place of a server that took the connection and left, or says nothing."""
        self._splice = None
        self._transport.set_protocol(self)
        self._starting(said[self._opening.consumed if self._opening else 0 :])

    # --- our own answer

    def _starting(self, rest: bytes) -> None:
        self._dialing = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._talk("starting", rest)

    def _talk(self, state: State, rest: bytes, *, sleeper: Target | None = None) -> None:
        if self._opening is None:
            return
        log.info("%s:%s asks for %s: %s", *(self._peer or ("?", 0)), shown(self._opening.host), state)
        self._wait(self._terms.talk)
        self._sleeper = sleeper
        conversation = Conversation(self._opening, state=state, sleeper=sleeper is not None)
        self._conversation = conversation
        self._data.clear()
        try:
            self._say(conversation, conversation.begin())
            if not conversation.done:
                self._say(conversation, conversation.receive(rest))
        except mc.ProtocolError:
            self._transport.abort()

    def _say(self, conversation: Conversation, answer: bytes) -> None:
        if answer and not self._transport.is_closing():
            self._transport.write(answer)
        if conversation.done:
            self._transport.close()
        elif conversation.wakes and self._sleeper is not None:
            sleeper, self._sleeper = self._sleeper, None
            self._transport.pause_reading()
            self._waking = self._premises.spawn(self._wake(sleeper, conversation))

    async def _wake(self, sleeper: Target, conversation: Conversation) -> None:
        """Have a sleeping server started, and tell the player when to come again."""
        answer = await self._premises.wakes.wake(sleeper.name, (self._peer or ("?", 0))[0])
        host = self._opening.host if self._opening is not None else sleeper.name
        self._say(conversation, conversation.refuse(woken_text(host, answer.state, answer.seconds)))

    # --- counting

    def _is_trusted(self, host: str) -> bool:
        if not self._terms.trusted:
            return False
        address = ipaddress.ip_address(host.split("%", 1)[0])
        return any(address in network for network in self._terms.trusted)

    def _admit(self, host: str, *, exempt: bool) -> bool:
        bucket = bucket_of(host)
        if not exempt and not self._premises.rate.allow(bucket):
            return False
        if not self._premises.connected.enter(bucket, exempt=exempt):
            return False
        self._bucket = bucket
        if not self._premises.half_open.enter(bucket, exempt=exempt):
            return False
        self._half_open = bucket
        return True

    def _settle(self) -> None:
        """Count no longer as half-open."""
        if self._half_open is not None:
            self._premises.half_open.leave(self._half_open)
            self._half_open = None

    def _leave(self) -> None:
        self._settle()
        if self._bucket is not None:
            self._premises.connected.leave(self._bucket)
            self._bucket = None

    def _depart(self) -> None:
        self._stop_timers()
        self._leave()
        self._premises.visitors.discard(self)
        self._premises.departed.set()

    # --- time

    def _wait(self, seconds: float) -> None:
        self._stop_timers()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _stop_timers(self) -> None:
        for timer in (self._deadline, self._silence):
            if timer is not None:
                timer.cancel()
        self._deadline = self._silence = None


def _is_login(opening: mc.Opening) -> bool:
    return isinstance(opening, mc.Handshake) and opening.next_state != mc.STATUS
