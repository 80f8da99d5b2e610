"""PROXY protocol, version 2 (binary): tells a backend the player's address. Sans-I/O."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from zpack.wire.minecraft import ProtocolError

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
HEAD = 16
MAX_BODY = 1024
LOCAL, PROXY = 0x20, 0x21
TCP4, TCP6 = 0x11, 0x21
SIZES = {TCP4: 4, TCP6: 16}

Address = tuple[str, int]


@dataclass(frozen=True)
class Source:
    """Whom the header of ``consumed`` bytes speaks for; ``peer`` is None for the balancer's own checks."""

    peer: Address | None
    consumed: int


def parse_header(data: bytes | bytearray) -> Source | None:
    """Return whom the connection comes from, None when bytes are missing. Raises ProtocolError."""
    if not SIGNATURE.startswith(bytes(data[: len(SIGNATURE)])):
        raise ProtocolError("a trusted proxy sent no PROXY header")
    if len(data) < HEAD:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    if command not in {LOCAL, PROXY} or length > MAX_BODY:
        raise ProtocolError("an impossible PROXY header")
    if len(data) < HEAD + length:
        return None
    body = bytes(data[HEAD : HEAD + length])
    size = SIZES.get(family)
    if command == LOCAL or size is None:
        return Source(peer=None, consumed=HEAD + length)
    if length < 2 * size + 4:
        raise ProtocolError("a PROXY header without its addresses")
    host = str(ipaddress.ip_address(body[:size]))
    port = int.from_bytes(body[2 * size : 2 * size + 2], "big")
    return Source(peer=(host, port), consumed=HEAD + length)


def build_header(source: Address | None, destination: Address | None) -> bytes:
    """Build the header for a player's connection; LOCAL when an address is missing, as for our own pings."""
    if source is None or destination is None:
        return SIGNATURE + bytes([LOCAL, 0, 0, 0])
    hosts = [ipaddress.ip_address(host.split("%", 1)[0]) for host, _ in (source, destination)]
    if {host.version for host in hosts} == {4}:
        family, packed = TCP4, [host.packed for host in hosts]
    else:
        family, packed = TCP6, [_as_v6(host) for host in hosts]
    body = b"".join(packed) + source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    return SIGNATURE + bytes([PROXY, family]) + len(body).to_bytes(2, "big") + body


def _as_v6(host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return host.packed if host.version == 6 else b"\0" * 10 + b"\xff\xff" + host.packed  # noqa: PLR2004 - IPv6
