"""The relay between two sides that live in memory."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from zpack.control.engine import relay_ws
from zpack.control.engine.errors import ForeignError, Refusal
from zpack.control.engine.frames import texts_of
from zpack.control.engine.relay_ws import AsgiSide, ClientSide, Ending, Patience, SideEnded, relay
from zpack.wire.websocket import text_frame

PATIENCE = Patience(silent_seconds=60, stuck_seconds=60)


class MemorySide:
    """Says what it was given, then ends or stays; keeps what it was sent."""

    def __init__(self, *says: str, ending: Ending | None = None, stuck: bool = False) -> None:
        self.heard_at = time.monotonic()
        self.stuck_since: float | None = None
        self.sent: list[str | bytes] = []
        self._says = list(says)
        self._ending = ending
        self._stuck = stuck

    async def receive(self) -> str | bytes:
        if self._says:
            return self._says.pop(0)
        if self._ending is None:
            await asyncio.Event().wait()
        assert self._ending
        raise SideEnded(self._ending)

    async def send(self, message: str | bytes) -> None:
        if self._stuck:
            await asyncio.Event().wait()
        self.sent.append(message)

    def at_once(self, frames: bytes, /) -> bool:
        if not self._stuck:
            self.sent += texts_of(frames)
        return not self._stuck

    async def tell(self, frames: bytes) -> None:
        for text in texts_of(frames):
            await self.send(text)

    async def speak(self, client: ClientSide) -> None:
        while True:
            frames = text_frame(str(await self.receive()))
            if not client.at_once(frames):
                self.stuck_since = time.monotonic()
                await client.tell(frames)

    async def close(self, ending: Ending) -> None:
        raise AssertionError(ending)


async def joined(client: MemorySide, server: MemorySide, **how: Any) -> Ending:
    given = {"patience": PATIENCE, "over": asyncio.Event(), "why": lambda: Ending(4403, "revoked")} | how
    async with asyncio.timeout(10):
        return await relay(client, server, **given)


async def test_both_ways_are_carried_and_end_together() -> None:
    client, server = MemorySide("a"), MemorySide("1", "2", ending=Ending(1000, "done"))
    assert await joined(client, server) == Ending(1000, "done")
    assert (client.sent, server.sent) == (["1", "2"], ["a"])


async def test_it_ends_when_the_right_does() -> None:
    over = asyncio.Event()
    over.set()
    assert await joined(MemorySide(), MemorySide(), over=over) == Ending(4403, "revoked")


async def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_ws, "LOOK_SECONDS", 0.01)
    ending = await joined(MemorySide(), MemorySide(), patience=Patience(0.05, 60))
    assert ending == Ending(1011, "upstream_silent")


async def test_a_client_that_takes_nothing_is_given_up_and_no_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_ws, "LOOK_SECONDS", 0.01)
    ending = await joined(MemorySide(stuck=True), MemorySide("line"), patience=Patience(0.05, 0.2))
    assert ending == Ending(1001, "too_slow")


async def test_what_the_check_refuses_ends_it_before_it_is_carried() -> None:
    async def check(message: str) -> None:
        raise SideEnded(Ending(1003, "text_only"))

    server = MemorySide()
    assert await joined(MemorySide("x"), server, check=check) == Ending(1003, "text_only")
    assert server.sent == []


async def test_a_surprise_is_one_ending() -> None:
    async def check(message: str) -> None:
        raise ValueError

    assert await joined(MemorySide("x"), MemorySide(), check=check) == Ending(1011, "internal_error")


class Unlucky(Refusal):
    kind = "conflict"
    code = "unlucky"


@pytest.mark.parametrize(
    ("failure", "ending"),
    [(Unlucky("no"), Ending(4409, "unlucky")),
     (ForeignError("x", transient=True), Ending(1011, "upstream_failed")),
     (ForeignError("x", transient=True, timed_out=True), Ending(1011, "upstream_timeout"))],
)  # fmt: skip
def test_errors_have_close_codes(failure: Exception, ending: Ending) -> None:
    assert Ending.after(failure) == ending


async def test_a_caller_who_left_is_not_spoken_to() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "websocket.disconnect", "code": 1001}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    side = AsgiSide(receive, send)
    with pytest.raises(SideEnded):
        await side.receive()
    await side.close(Ending(1011, "late"))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_is_what_the_library_makes(size: int) -> None:
    text = "x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
