"""The outer skin of the Minecraft Java protocol: enough to route, to ping and to refuse, without any I/O.

Everything read here comes from strangers. Each length is checked before it is believed, every parser either
returns, asks for more bytes with ``None``, or raises the one :class:`ProtocolError`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

STATUS, LOGIN, TRANSFER = 1, 2, 3
ANY_PROTOCOL = 47
"""For our own pings: a server answers a status request of every version."""
MAX_HOST_BYTES = 4096
"""Vanilla sends 255 characters; mod markers and forwarded profiles need more."""
MAX_OPENING = MAX_HOST_BYTES + 64
MAX_NAME = 16
MAX_SMALL_PACKET = 8192
"""A client's packet in the status and login phases, as far as we read them."""
MAX_STATUS_PACKET = 512 * 1024
"""A server's status with its icon."""
VARINT_BYTES = 5
LEGACY = 0xFE
LEGACY_PLUGIN = 0xFA
LEGACY_CHANNEL = "MC|PingHost"
MAX_LEGACY_HOST = 255
BARE_PLUGIN_PING = b"\xfe\x01\xfa"
"""Some status tools send these three bytes and wait."""
MAYBE_LEGACY = frozenset({b"\xfe", b"\xfe\x01", BARE_PLUGIN_PING})
"""Openings that only silence completes."""

Buffer = bytes | bytearray | memoryview


class ProtocolError(Exception):
    """The other side does not speak Minecraft, or speaks it too long."""


@dataclass(frozen=True)
class Handshake:
    """A client's first packet; ``consumed`` bytes of the stream belong to it."""

    protocol: int
    address: str
    port: int
    next_state: int
    consumed: int = 0

    @property
    def host(self) -> str:
        """Return the name the player typed."""
        return clean_host(self.address)


@dataclass(frozen=True)
class LegacyPing:
    """A ping of a client older than 1.7: ``fe`` (to 1.3), ``fe 01`` (1.4, 1.5), ``fe 01 fa …`` (1.6)."""

    generation: Literal[1, 2, 3]
    address: str = ""
    port: int = 0
    protocol: int = 0
    consumed: int = 0

    @property
    def host(self) -> str:
        """Return the name the player typed; empty when the client is too old to tell."""
        return clean_host(self.address)


Opening = Handshake | LegacyPing


def clean_host(address: str) -> str:
    r"""Return the bare lower-case host name of a handshake.

    Mod loaders append ``\0FML\0`` and its kin, proxies append ``\0``-separated profiles, TCPShield appends
    ``///address///time``, and clients that followed an SRV record send the root's dot.
    """
    return address.split("\0", 1)[0].split("///", 1)[0].strip().rstrip(".").lower()


# --- numbers and frames


def varint(value: int) -> bytes:
    """Encode a signed 32-bit number. Raises ProtocolError outside that range."""
    if not -(2**31) <= value < 2**31:
        raise ProtocolError("the number does not fit 32 bits")
    rest = value & 0xFFFFFFFF
    out = bytearray()
    while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def take_varint(data: Buffer, at: int = 0) -> tuple[int, int] | None:
    """Return the number at ``at`` and where it ends; None when bytes are missing. Raises ProtocolError."""
    value = 0
    for step in range(VARINT_BYTES):
        if at + step >= len(data):
            return None
        byte = data[at + step]
        value |= (byte & 0x7F) << (7 * step)
        if not byte & 0x80:
            if value >= 2**32:
                raise ProtocolError("a number is longer than 32 bits")
            return (value - 2**32 if value >= 2**31 else value), at + step + 1
    raise ProtocolError("a number is longer than five bytes")


def packet(packet_id: int, body: bytes = b"") -> bytes:
    """Frame one uncompressed packet."""
    inner = varint(packet_id) + body
    return varint(len(inner)) + inner


def take_frame(data: Buffer, at: int = 0, *, limit: int = MAX_SMALL_PACKET) -> tuple[Reader, int] | None:
    """Return a reader of the packet at ``at`` and where it ends; None when bytes are missing.

    Raises ProtocolError for a length that is none, or above ``limit``: before waiting for its bytes.
    """
    head = take_varint(data, at)
    if head is None:
        return None
    length, begin = head
    if not 0 < length <= limit:
        raise ProtocolError("a packet has an impossible length")
    if len(data) < begin + length:
        return None
    return Reader(bytes(data[begin : begin + length])), begin + length


class Framer:
    """Cuts a stream into packets and holds at most one packet of ``limit`` bytes, and what was fed."""

    def __init__(self, *, limit: int = MAX_SMALL_PACKET) -> None:
        self._limit = limit
        self._data = bytearray()

    def feed(self, data: Buffer) -> list[Reader]:
        """Return the packets that are complete now. Raises ProtocolError."""
        self._data += data
        at, packets = 0, list[Reader]()
        while (taken := take_frame(self._data, at, limit=self._limit)) is not None:
            reader, at = taken
            packets.append(reader)
        del self._data[:at]
        return packets


class Reader:
    """Reads the fields of one complete packet; every method raises ProtocolError when they do not fit."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.packet_id = self.varint()

    def varint(self) -> int:
        """Read a number."""
        taken = take_varint(self._data, self._at)
        if taken is None:
            raise ProtocolError("a packet ends inside a number")
        value, self._at = taken
        return value

    def take(self, count: int) -> bytes:
        """Read ``count`` bytes."""
        if not 0 <= count <= len(self._data) - self._at:
            raise ProtocolError("a packet ends inside a field")
        begin, self._at = self._at, self._at + count
        return self._data[begin : self._at]

    def unsigned(self, size: int) -> int:
        """Read a big-endian number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def string(self, *, limit: int) -> str:
        """Read a text of at most ``limit`` bytes."""
        length = self.varint()
        if not 0 <= length <= limit:
            raise ProtocolError("a text has an impossible length")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise ProtocolError("a text is no UTF-8") from None

    def end(self) -> None:
        """Refuse left-over bytes."""
        if self._at != len(self._data):
            raise ProtocolError("a packet is longer than its fields")

    def expect(self, packet_id: int) -> None:
        """Refuse another packet than this."""
        if self.packet_id != packet_id:
            raise ProtocolError("an unexpected packet")


def _text(value: str) -> bytes:
    raw = value.encode("utf-8", "replace")
    return varint(len(raw)) + raw


# --- the opening


def parse_opening(data: Buffer, *, quiet: bool = False) -> Opening | None:
    """Return the client's opening, or None when more bytes are needed. Raises ProtocolError.

    Those in MAYBE_LEGACY are whole legacy pings, and also how a longer one may begin: ``quiet`` says that
    nothing followed for a while, so they are taken for what they are.
    """
    if data and data[0] == LEGACY:
        legacy = _parse_legacy(data, quiet=quiet)
        if legacy is not _NOT_LEGACY:
            return cast("LegacyPing | None", legacy)
    taken = take_frame(data, limit=MAX_OPENING)
    if taken is None:
        _refuse_early(data)
        return None
    reader, consumed = taken
    return _parse_handshake(reader, consumed)


_NOT_LEGACY = object()


def _refuse_early(data: Buffer) -> None:
    """Refuse a stranger's stream at its first bytes instead of waiting for the length it promised."""
    head = take_varint(data)
    if head is not None and len(data) > head[1] and data[head[1]] != 0:
        raise ProtocolError("the first packet is no handshake")


def _parse_handshake(reader: Reader, consumed: int) -> Handshake:
    reader.expect(0)
    protocol = reader.varint()
    address = reader.string(limit=MAX_HOST_BYTES)
    port = reader.unsigned(2)
    next_state = reader.varint()
    reader.end()
    if next_state not in {STATUS, LOGIN, TRANSFER}:
        raise ProtocolError("the handshake leads nowhere")
    return Handshake(protocol=protocol, address=address, port=port, next_state=next_state, consumed=consumed)


def _parse_legacy(data: Buffer, *, quiet: bool) -> LegacyPing | object | None:
    if len(data) == 1:
        return LegacyPing(generation=1, consumed=1) if quiet else None
    if data[1] != 1:
        return _NOT_LEGACY
    if len(data) == 2:  # noqa: PLR2004 - fe 01
        return LegacyPing(generation=2, consumed=2) if quiet else None
    if data[2] != LEGACY_PLUGIN:
        return _NOT_LEGACY
    if quiet and len(data) == len(BARE_PLUGIN_PING):
        return LegacyPing(generation=2, consumed=len(data))
    return _parse_ping_host(bytes(data))


def _parse_ping_host(data: bytes) -> LegacyPing | None:
    """Read ``fe 01 fa``, the channel's name, and in its body: protocol, host, port."""
    channel = _utf16(data, 3, limit=len(LEGACY_CHANNEL))
    if channel is None:
        return None
    name, at = channel
    if name != LEGACY_CHANNEL:
        raise ProtocolError("an unknown legacy channel")
    if len(data) < at + 3:
        return None
    length, protocol = int.from_bytes(data[at : at + 2], "big"), data[at + 2]
    taken = _utf16(data, at + 3, limit=MAX_LEGACY_HOST)
    if taken is None:
        return None
    host, end = taken
    if length != 7 + 2 * ((end - at - 5) // 2):
        raise ProtocolError("a legacy ping contradicts its length")
    if len(data) < end + 4:
        return None
    port = int.from_bytes(data[end : end + 4], "big")
    if port > 65535:  # noqa: PLR2004 - the largest port
        raise ProtocolError("a legacy ping names an impossible port")
    return LegacyPing(generation=3, address=host, port=port, protocol=protocol, consumed=end + 4)


def _utf16(data: bytes, at: int, *, limit: int) -> tuple[str, int] | None:
    if len(data) < at + 2:
        return None
    count = int.from_bytes(data[at : at + 2], "big")
    if count > limit:
        raise ProtocolError("a legacy text is too long")
    end = at + 2 + 2 * count
    if len(data) < end:
        return None
    try:
        return data[at + 2 : end].decode("utf-16-be"), end
    except UnicodeDecodeError:
        raise ProtocolError("a legacy text is no UTF-16") from None


def handshake(*, host: str, port: int, next_state: int, protocol: int = ANY_PROTOCOL) -> bytes:
    """Build a client's first packet. Raises ProtocolError for a name that is too long."""
    name = _text(host)
    if len(name) > MAX_HOST_BYTES:
        raise ProtocolError("the host name is too long")
    return packet(0, varint(protocol) + name + port.to_bytes(2, "big") + varint(next_state))


def legacy_ping(*, host: str, port: int, protocol: int = 78) -> bytes:
    """Build the ping of a 1.6 client."""
    name = host.encode("utf-16-be")
    body = bytes([protocol]) + (len(name) // 2).to_bytes(2, "big") + name + port.to_bytes(4, "big")
    channel = len(LEGACY_CHANNEL).to_bytes(2, "big") + LEGACY_CHANNEL.encode("utf-16-be")
    return bytes([LEGACY, 1, LEGACY_PLUGIN]) + channel + len(body).to_bytes(2, "big") + body


def legacy_answer(ping: LegacyPing, *, text: str, version: str = "", online: int = 0, most: int = 0) -> bytes:
    """Build the kick packet that old clients show as a status."""
    if ping.generation == 1:
        fields = [text.replace("\u00a7", ""), str(online), str(most)]
        line = "\u00a7".join(fields)
    else:
        protocol = str(ping.protocol or 127)
        line = "\0".join(["\u00a71", protocol, version, text, str(online), str(most)])
    raw = line.encode("utf-16-be", "replace")[: 2 * 1024]
    return b"\xff" + (len(raw) // 2).to_bytes(2, "big") + raw


# --- status


def status_request(*, host: str, port: int, protocol: int = ANY_PROTOCOL) -> bytes:
    """Build what a client sends to learn a server's status."""
    return handshake(host=host, port=port, next_state=STATUS, protocol=protocol) + packet(0)


def status_response(document: dict[str, Any]) -> bytes:
    """Build a server's status."""
    return packet(0, _text(json.dumps(document, ensure_ascii=False, separators=(",", ":"))))


def parse_status_response(reader: Reader) -> dict[str, Any]:
    """Read a server's status. Raises ProtocolError."""
    reader.expect(0)
    text = reader.string(limit=MAX_STATUS_PACKET)
    reader.end()
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("the status is no JSON") from None
    if not isinstance(document, dict):
        raise ProtocolError("the status is no object")
    return cast("dict[str, Any]", document)


def ping(payload: int) -> bytes:
    """Build a ping, or the pong that repeats it."""
    return packet(1, (payload & (2**64 - 1)).to_bytes(8, "big"))


def parse_ping(reader: Reader) -> int:
    """Read a ping or a pong. Raises ProtocolError."""
    reader.expect(1)
    payload = reader.unsigned(8)
    reader.end()
    return payload


# --- login


def login_start(name: str) -> bytes:
    """Build the login of clients up to 1.18, which tells only a name."""
    return packet(0, _text(name))


def parse_login_start(reader: Reader) -> str:
    """Return the player's name; what later versions append is left unread. Raises ProtocolError."""
    reader.expect(0)
    name = reader.string(limit=MAX_NAME * 4)
    if not 0 < len(name) <= MAX_NAME:
        raise ProtocolError("a player's name has an impossible length")
    return name


def login_disconnect(text: str) -> bytes:
    """Build a refusal that the player reads; in this phase it is JSON in every version."""
    return packet(0, _text(json.dumps({"text": text}, ensure_ascii=False)))


def parse_login_disconnect(reader: Reader) -> str:
    """Return the refusal's text. Raises ProtocolError."""
    reader.expect(0)
    try:
        reason: Any = json.loads(reader.string(limit=MAX_SMALL_PACKET))
    except (ValueError, RecursionError):
        raise ProtocolError("the refusal is no JSON") from None
    return str(cast("dict[str, Any]", reason).get("text", "")) if isinstance(reason, dict) else str(reason)
