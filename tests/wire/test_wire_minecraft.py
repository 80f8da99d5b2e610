"""The codec against itself, against bytes written down by hand, and against noise."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zpack.wire import minecraft as mc
from zpack.wire.minecraft import Handshake, LegacyPing, ProtocolError, parse_opening

INT32 = st.integers(-(2**31), 2**31 - 1)
HOSTS = st.text(max_size=255)


def only(stream: bytes) -> mc.Reader:
    taken = mc.take_frame(stream, limit=mc.MAX_STATUS_PACKET)
    assert taken is not None
    assert taken[1] == len(stream)
    return taken[0]


@given(INT32)
def test_a_number_comes_back(value: int) -> None:
    raw = mc.varint(value)
    assert mc.take_varint(raw) == (value, len(raw))
    assert all(mc.take_varint(raw[:cut]) is None for cut in range(len(raw)))


@pytest.mark.parametrize(
    ("value", "raw"),
    [(0, "00"), (127, "7f"), (128, "8001"), (25565, "ddc701"), (2**31 - 1, "ffffffff07"), (-1, "ffffffff0f")],
)
def test_numbers_look_as_the_protocol_says(value: int, raw: str) -> None:
    assert mc.varint(value).hex() == raw


@pytest.mark.parametrize("raw", ["ffffffffff01", "8080808080", "ffffffff1f"])
def test_a_number_longer_than_32_bits_is_refused(raw: str) -> None:
    with pytest.raises(ProtocolError):
        mc.take_varint(bytes.fromhex(raw))


@given(HOSTS, st.integers(0, 65535), st.sampled_from([1, 2, 3]), INT32, st.binary(max_size=20))
def test_a_handshake_comes_back(host: str, port: int, state: int, protocol: int, rest: bytes) -> None:
    raw = mc.handshake(host=host, port=port, next_state=state, protocol=protocol)
    opening = parse_opening(raw + rest)
    assert opening == Handshake(protocol, host, port, state, consumed=len(raw))


@given(HOSTS, st.data())
def test_part_of_a_handshake_waits_for_the_rest(host: str, data: st.DataObject) -> None:
    raw = mc.handshake(host=host, port=25565, next_state=1)
    cut = data.draw(st.integers(0, len(raw) - 1))
    assert parse_opening(raw[:cut]) is None


def test_a_handshake_as_vanilla_sends_it() -> None:
    raw = bytes.fromhex("1100f5050a6d632e6578616d706c6563dd01")
    assert parse_opening(raw) == Handshake(757, "mc.example", 25565, 1, 18)


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=255))
def test_a_legacy_ping_with_a_host_comes_back(host: str) -> None:
    raw = mc.legacy_ping(host=host, port=25565)
    assert parse_opening(raw) == LegacyPing(3, host, 25565, 78, consumed=len(raw))
    assert all(parse_opening(raw[:cut]) is None for cut in range(len(raw)))


@pytest.mark.parametrize(("raw", "generation"), [("fe", 1), ("fe01", 2), ("fe01fa", 2)])
def test_short_legacy_pings_need_silence(raw: str, generation: int) -> None:
    data = bytes.fromhex(raw)
    assert parse_opening(data) is None
    assert parse_opening(data, quiet=True) == LegacyPing(generation, consumed=len(data))  # type: ignore[arg-type]


@pytest.mark.parametrize("length", range(250, 520, 7))
def test_a_long_handshake_that_begins_like_a_legacy_ping_is_none(length: int) -> None:
    raw = mc.handshake(host="a" * length, port=1, next_state=2)
    opening = parse_opening(raw)
    assert isinstance(opening, Handshake)
    assert len(opening.address) == length


def test_the_handshake_of_254_bytes_is_no_legacy_ping() -> None:
    raw = mc.handshake(host="a" * 247, port=1, next_state=2)
    assert raw[:3] == b"\xfe\x01\x00"
    assert isinstance(parse_opening(raw), Handshake)
    assert parse_opening(raw[:2]) is None


@pytest.mark.parametrize(
    "address",
    [
        "Mc-A.Example.org",
        "mc-a.example.org.",
        "mc-a.example.org\0FML\0",
        "mc-a.example.org\0FML2\0",
        "mc-a.example.org.\0FML3\0",
        "mc-a.example.org\x0010.0.0.1\x00uuid\x00[]",
        "mc-a.example.org///10.0.0.1:4711///1700000000",
        " mc-a.example.org ",
    ],
)
def test_host_names_are_cleaned(address: str) -> None:
    assert mc.clean_host(address) == "mc-a.example.org"


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none(), max_size=5))
def test_a_status_comes_back(document: dict[str, object]) -> None:
    assert mc.parse_status_response(only(mc.status_response(document))) == document


@given(st.integers(0, 2**64 - 1))
def test_a_ping_comes_back(payload: int) -> None:
    assert mc.parse_ping(only(mc.ping(payload))) == payload


@given(st.text(min_size=1, max_size=16))
def test_a_login_comes_back(name: str) -> None:
    assert mc.parse_login_start(only(mc.login_start(name))) == name


@given(st.text(max_size=200))
def test_a_refusal_comes_back(text: str) -> None:
    assert mc.parse_login_disconnect(only(mc.login_disconnect(text))) == text


PARSERS = [
    mc.parse_status_response,
    mc.parse_ping,
    mc.parse_login_start,
    mc.parse_login_disconnect,
]


@given(st.binary(max_size=400), st.booleans())
def test_noise_raises_nothing_else(noise: bytes, quiet: bool) -> None:
    try:
        parse_opening(noise, quiet=quiet)
    except ProtocolError:
        return


@given(st.binary(max_size=60))
def test_noise_that_begins_well_raises_nothing_else(noise: bytes) -> None:
    for opening in (
        b"\xfe\x01\xfa" + noise,
        mc.packet(0, noise),
        mc.legacy_ping(host="a", port=1)[:27] + noise,
    ):
        try:
            parse_opening(opening)
        except ProtocolError:
            continue


@given(st.binary(min_size=1, max_size=200), st.sampled_from(PARSERS))
def test_noise_in_a_packet_raises_nothing_else(noise: bytes, parse: object) -> None:
    try:
        parse(mc.Reader(noise))  # type: ignore[operator]
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00",
        b"\x80\x80\x80\x01",
        mc.packet(0, mc.varint(47) + mc.varint(5) + b"abcde" + b"\x63\xdd" + b"\x04"),
        mc.packet(0, mc.varint(47) + mc.varint(9) + b"abcde"),
        mc.packet(0, mc.varint(47) + mc.varint(2) + b"\xff\xff" + b"\x63\xdd\x01"),
        mc.handshake(host="a", port=1, next_state=1)[:-1].replace(b"\x07", b"\x08", 1) + b"\x01\x00\x00",
    ],
)
def test_what_is_no_handshake_is_refused_at_once(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_opening(raw)


def test_a_framer_cuts_any_stream_into_its_packets() -> None:
    stream = b"".join(mc.ping(number) for number in range(50))
    framer, seen = mc.Framer(), list[int]()
    for byte in stream:
        seen += [mc.parse_ping(reader) for reader in framer.feed(bytes([byte]))]
    assert seen == list(range(50))


def test_a_promised_length_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        for _ in range(200):
            with pytest.raises(ProtocolError):
                mc.Framer().feed(mc.varint(2**31 - 1))
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(ProtocolError):
        mc.parse_status_response(only(mc.packet(0, mc.varint(200_000) + b"[" * 200_000)))
