"""Frames of a server, cut into runs that may pass and frames that are for us."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode

from zpack.control.engine.frames import BadFrames, Control, ServerFrames, texts_of
from zpack.wire.websocket import text_frame

MOST = 70_000
TEXTS = ["a", "", "ü" * 63, "x" * 125, "y" * 126, "z" * 65_536]


def raw(opcode: Opcode, body: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, body, fin=fin).serialize(mask=False)


def passed(*pieces: bytes) -> tuple[list[str], list[Control]]:
    frames, texts, controls = ServerFrames(most=MOST), list[str](), list[Control]()
    for part in (part for piece in pieces for part in frames.feed(piece)):
        if isinstance(part, bytes):
            texts += texts_of(part)
        else:
            controls.append(part)
    return texts, controls


def test_a_run_of_whole_texts_is_the_same_bytes() -> None:
    run = b"".join(map(text_frame, TEXTS))
    assert ServerFrames(most=MOST).feed(run) == [run]


@pytest.mark.parametrize("seed", range(20))
def test_however_it_is_cut_the_texts_are_the_same(seed: int) -> None:
    chance, run = random.Random(seed), b"".join(map(text_frame, TEXTS))
    cuts = sorted(chance.sample(range(len(run)), 12))
    assert passed(*(run[a:b] for a, b in zip([0, *cuts], [*cuts, len(run)], strict=True))) == (TEXTS, [])


def test_byte_by_byte_too() -> None:
    run = text_frame("hello") + raw(Opcode.PING, b"p") + text_frame("x" * 300)
    assert passed(*(run[n : n + 1] for n in range(len(run)))) == (["hello", "x" * 300], [Control(9, b"p")])


def test_a_long_frame_in_small_pieces_is_not_read_again_and_again() -> None:
    frames, run = ServerFrames(most=MOST), text_frame("x" * MOST)
    for at in range(len(run) - 1):
        assert frames.feed(run[at : at + 1]) == []
    assert frames.feed(run[-1:]) == [run]


def test_control_frames_keep_their_place_between_texts() -> None:
    run = text_frame("1") + raw(Opcode.PING, b"?") + text_frame("2") + raw(Opcode.CLOSE, b"\x03\xe8")
    found = ServerFrames(most=MOST).feed(run)
    assert found == [text_frame("1"), Control(9, b"?"), text_frame("2"), Control(8, b"\x03\xe8")]


def test_a_text_in_pieces_is_joined_across_a_ping() -> None:
    umlaut = "ü".encode()
    pieces = (
        raw(Opcode.TEXT, b"a" + umlaut[:1], fin=False), raw(Opcode.PING, b""), raw(Opcode.CONT, umlaut[1:])
    )  # fmt: skip
    assert passed(*pieces, text_frame("b")) == (["aü", "b"], [Control(9, b"")])


@pytest.mark.parametrize(
    "bad",
    [
        raw(Opcode.BINARY, b"x"), raw(Opcode.CONT, b"x"), raw(Opcode.TEXT, b"\xff"),
        b"\x81\x81\x00\x00\x00\x00x", b"\x81\xfe\x00\xc8" + b"x" * 204,
        b"\xc1\x01x", b"\x83\x00", b"\x8f\x00", b"\x09\x00", b"\x89\x7e\x00\x7e" + b"x" * 126,
        raw(Opcode.TEXT, b"a", fin=False) + raw(Opcode.TEXT, b"b"), raw(Opcode.TEXT, b"a", fin=False) * 2,
        b"\x81\x7f" + b"\xff" * 8, text_frame("x" * (MOST + 1)),
        raw(Opcode.TEXT, b"x" * MOST, fin=False) + raw(Opcode.CONT, b"x"),
        raw(Opcode.TEXT, b"", fin=False) + raw(Opcode.CONT, b"", fin=False) * MOST,
    ],
)  # fmt: skip
def test_what_is_no_text_of_a_server_is_refused(bad: bytes) -> None:
    with pytest.raises(BadFrames):
        ServerFrames(most=MOST).feed(bad + b"\x00" * 20)
