"""Real DNS servers, ``knotd`` and ``named``, and somebody in the middle of the way to them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import subprocess
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone

from tests.support.ports import free_port
from tests.support.slowness import slowness

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

ZONE = "example.org"
KEY_NAME = "zpack"
ADDRESS = "127.0.0.1"
ZONE_FILE = f"""$ORIGIN {ZONE}.
$TTL 3600
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
* A 192.0.2.99
* TXT "v=spf1 -all"
"""
KNOT = """
server:
  rundir: "{home}"
  listen: "{address}@{port}"
database:
  storage: "{home}"
key:
  - id: "{name}"
    algorithm: hmac-sha256
    secret: "{secret}"
acl:
  - id: zpack
    key: "{name}"
    action: [update, transfer]
zone:
  - domain: "{zone}"
    storage: "{home}"
    file: zone
    zonefile-sync: -1
    acl: zpack
"""
NAMED = """
options {{ directory "{home}"; pid-file none; session-keyfile none; listen-on port {port} {{ {address}; }};
  listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; notify no; }};
controls {{ }};
key "{name}" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{ type primary; file "zone"; allow-transfer {{ key "{name}"; }};
  update-policy {{ grant {name} subdomain {zone} A AAAA SRV TXT; }}; }};
"""


@dataclass
class DnsServer:
    """One zone at a real server, seen past the product: nothing here is its code."""

    port: int
    secret: str

    @property
    def _keys(self) -> dict[dns.name.Name, dns.tsig.Key]:
        return dns.tsigkeyring.from_text({KEY_NAME: ("hmac-sha256", self.secret)})

    def records(self) -> set[tuple[str, str, str]]:
        """Return name, type and text of everything the zone file did not have."""
        zone = dns.zone.Zone(f"{ZONE}.", relativize=False)
        query, _ = dns.xfr.make_query(zone, keyring=self._keys)
        dns.query.inbound_xfr(ADDRESS, zone, query, port=self.port, lifetime=10)
        rows = zone.iterate_rdatas()
        found = {(n.to_text(True), dns.rdatatype.to_text(d.rdtype), d.to_text()) for n, _, d in rows}
        return {row for row in found if row[0] not in {ZONE, f"ns.{ZONE}", f"*.{ZONE}"}}

    def change(self, change: Callable[[dns.update.UpdateMessage], None]) -> None:
        """Change the zone as an administrator would."""
        message = dns.update.UpdateMessage(f"{ZONE}.", keyring=self._keys)
        change(message)
        answer = dns.query.tcp(message, ADDRESS, port=self.port, timeout=10)
        assert answer.rcode() == dns.rcode.NOERROR, answer

    def answers(self, name: str, kind: str) -> set[str]:
        """Return what somebody gets who asks by UDP."""
        query = dns.message.make_query(name, kind)
        found = dns.query.udp(query, ADDRESS, port=self.port, timeout=10).answer
        return {data.to_text() for rrset in found for data in rrset}


@contextmanager
def running(program: str, home: Path) -> Generator[DnsServer]:
    """Run ``knotd`` or ``named`` with one empty zone."""
    server = DnsServer(free_port(), base64.b64encode(secrets.token_bytes(32)).decode())
    names = {"home": home, "port": server.port, "address": ADDRESS, "zone": ZONE, "name": KEY_NAME}
    (home / "zone").write_text(ZONE_FILE)
    (home / "conf").write_text((KNOT if program == "knotd" else NAMED).format(**names, secret=server.secret))
    words = ["-c", str(home / "conf"), *(["-g"] if program == "named" else [])]
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen([f"/usr/sbin/{program}", *words], stdout=log, stderr=log, cwd=home) as process,
    ):
        try:
            _wait(server, process, home / "log")
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _wait(server: DnsServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10 * slowness()
    while True:
        try:
            if server.answers(f"ns.{ZONE}", "A"):
                return
        except (OSError, dns.exception.DNSException):
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@dataclass
class Middle:
    """Passes DNS over TCP on, or does not. ``do`` holds for every message while it is set.

    ``half``: messages after the first ``well`` ones are not passed on.
    """

    to: int
    do: str = ""
    port: int = 0
    messages: int = 0
    well: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    talks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk, in a task that is waited for in the end."""
        talk = asyncio.create_task(self.talk(reader, writer))
        self.talks.add(talk)
        talk.add_done_callback(self.talks.discard)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(ADDRESS, self.to)
            try:
                while await self._message(reader, writer, there, back):
                    pass
            finally:
                back.close()
                await back.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _message(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> bool:
        """Pass one question and its answers on; say whether to go on."""
        size = await reader.readexactly(2)
        asked = size + await reader.readexactly(int.from_bytes(size))
        self.messages += 1
        instead = await self._instead(asked)
        if instead is not None:
            writer.write(instead)
            return self.do == "refused"
        for _ in range(2 if self.do == "duplicate" else 1):
            back.write(asked)
            size = await there.readexactly(2)
            answer = await there.readexactly(int.from_bytes(size))
        if self.do == "lost":
            return False
        if self.do == "cut":
            writer.write(size + answer[: len(answer) // 2])
            return False
        if self.do == "unsigned":
            answer = answer[:4] + bytes(8)
            size = len(answer).to_bytes(2)
        writer.write(size + answer)
        return True

    async def _instead(self, asked: bytes) -> bytes | None:
        """Return what is said instead of handing a message on; None: it is handed on."""
        match self.do:
            case "latency":
                await self.over.wait()
                return b""
            case "garbage":
                return b"\x00\x0cHTTP/1.1 200"
            case "refused":
                flags = bytes((asked[4] | 0x80, asked[5] & 0xF0 | dns.rcode.REFUSED))
                return asked[:4] + flags + asked[6:]
            case "slow":
                await asyncio.sleep(0.05)
        failing = self.do == "error" or (self.do == "half" and self.messages > self.well)
        return b"" if failing else None


@asynccontextmanager
async def between(to: int) -> AsyncGenerator[Middle]:
    """Stand between a client and a port."""
    middle = Middle(to)
    server = await asyncio.start_server(middle.begin, ADDRESS, 0)
    middle.port = server.sockets[0].getsockname()[1]
    try:
        yield middle
    finally:
        middle.over.set()
        server.close()
        await asyncio.gather(*middle.talks)
        await server.wait_closed()
