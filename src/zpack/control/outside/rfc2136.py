"""DNS itself: questions, dynamic updates (RFC 2136) and transfers, over TCP, signed with TSIG (RFC 8945).

An update is one message: its prerequisites and changes hold together or not at all.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone

from zpack.control.engine.errors import ForeignError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

SECONDS = 5.0
TRANSFER_SECONDS = 30.0
UNMET = frozenset({dns.rcode.YXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET})
ALGORITHMS = ("hmac-sha256", "hmac-sha384", "hmac-sha512")

Row = tuple[str, str, int, str]
"""Name in lower case without the last dot, type, TTL, text."""


@dataclass(frozen=True)
class Key:
    """A TSIG key; its secret is base64."""

    name: str
    secret: str = field(repr=False)
    algorithm: str = "hmac-sha256"


@dataclass(frozen=True)
class Update:
    """One dynamic update: what must not exist, what must be exactly so, what is deleted and added."""

    absent: Sequence[tuple[str, str]] = ()
    present: Sequence[tuple[str, str, str]] = ()
    delete: Sequence[tuple[str, str, str]] = ()
    add: Sequence[Row] = ()


class Connection:
    """One TCP connection to the zone's server."""

    def __init__(self, *, stream: Any, zone: str, key: Key | None) -> None:
        self._stream = stream
        self._zone = zone
        self._key = key

    async def ask(self, name: str, kind: str) -> list[Row]:
        """Return the records of a name and type; of an alias, the alias. Raises ForeignError."""
        query = dns.message.make_query(_name(name), kind)
        query.flags &= ~dns.flags.RD
        _sign(query, self._key)
        answer = await self._exchange(query)
        if answer.rcode() == dns.rcode.NXDOMAIN:
            return []
        if answer.rcode() != dns.rcode.NOERROR:
            raise _refused(answer.rcode())
        return [row for row in _rows(answer.answer) if row[0] == name]

    async def update(self, change: Update) -> bool:
        """Make a change; say whether its prerequisites held. Raises ForeignError."""
        message = dns.update.UpdateMessage(_name(self._zone))
        _sign(message, self._key)
        for name, kind in change.absent:
            message.absent(_name(name), kind)
        for name, kind, text in change.present:
            message.present(_name(name), kind, text)
        for name, kind, text in change.delete:
            message.delete(_name(name), kind, text)
        for name, kind, ttl, text in change.add:
            message.add(_name(name), ttl, kind, text)
        code = (await self._exchange(message)).rcode()
        if code not in UNMET | {dns.rcode.NOERROR}:
            raise _refused(code)
        return code == dns.rcode.NOERROR

    async def _exchange(self, message: dns.message.Message) -> dns.message.Message:
        with _understood():
            answer = await dns.asyncquery.tcp(message, "", timeout=SECONDS, sock=self._stream)
        if self._key is not None and not answer.had_tsig and answer.rcode() == dns.rcode.NOERROR:
            raise ForeignError("the DNS server did not sign its answer", transient=False)
        return answer


class Rfc2136:
    """Reaches the primary server of one zone."""

    def __init__(self, *, server: str, port: int, zone: str, key: Key | None) -> None:
        self._server = server
        self._port = port
        self._zone = zone
        self._key = key

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[Connection]:
        """Give a connection for some questions and changes. Raises ForeignError."""
        with _understood():
            family, address = await self._address()
            stream = await dns.asyncbackend.get_default_backend().make_socket(
                family, socket.SOCK_STREAM, 0, None, (address, self._port), SECONDS
            )
        async with stream:
            yield Connection(stream=stream, zone=self._zone, key=self._key)

    async def transfer(self) -> list[Row] | None:
        """Return the whole zone, None when the server does not give it. Raises ForeignError."""
        zone = dns.zone.Zone(_name(self._zone), relativize=False)
        query, _ = dns.xfr.make_query(zone)
        _sign(query, self._key)
        with _understood():
            _, address = await self._address()
            try:
                await dns.asyncquery.inbound_xfr(
                    address, zone, query, port=self._port, timeout=SECONDS, lifetime=TRANSFER_SECONDS
                )
            except dns.xfr.TransferError as failure:
                if failure.rcode in {dns.rcode.REFUSED, dns.rcode.NOTAUTH, dns.rcode.NOTIMP}:
                    return None
                raise
        return [
            (_plain(name), dns.rdatatype.to_text(rdata.rdtype), ttl, rdata.to_text())
            for name, ttl, rdata in zone.iterate_rdatas()
        ]

    async def _address(self) -> tuple[int, str]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._server, self._port, type=socket.SOCK_STREAM)
        family, _, _, _, where = found[0]
        return family, str(where[0])


@contextmanager
def _understood() -> Generator[None]:
    """Say what broke in our own words. Raises ForeignError."""
    try:
        yield
    except (dns.exception.Timeout, TimeoutError) as failure:
        raise ForeignError(
            "the DNS server did not answer in time", transient=True, timed_out=True
        ) from failure
    except (dns.tsig.PeerBadKey, dns.tsig.PeerBadSignature) as failure:
        raise ForeignError("the DNS server does not accept the key", transient=False) from failure
    except dns.tsig.PeerBadTime as failure:
        raise ForeignError("the DNS server's clock and ours differ", transient=True) from failure
    except (ConnectionRefusedError, socket.gaierror) as failure:
        raise ForeignError("the DNS server cannot be reached", transient=True) from failure
    except dns.xfr.TransferError as failure:
        raise _refused(failure.rcode) from failure
    except (dns.exception.DNSException, EOFError, OSError, ValueError) as failure:
        message = f"the DNS server answered with what cannot be read: {type(failure).__name__}"
        raise ForeignError(message, transient=True, timed_out=True) from failure


def _refused(code: dns.rcode.Rcode) -> ForeignError:
    word = dns.rcode.to_text(code)
    return ForeignError(f"the DNS server answered {word}", transient=code == dns.rcode.SERVFAIL)


def _sign(message: dns.message.Message, key: Key | None) -> None:
    if key is not None:
        ring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
        message.use_tsig(ring, algorithm=dns.name.from_text(key.algorithm))


def _rows(sets: Sequence[dns.rrset.RRset]) -> list[Row]:
    return [
        (_plain(one.name), dns.rdatatype.to_text(one.rdtype), one.ttl, rdata.to_text())
        for one in sets
        for rdata in one
    ]


def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
