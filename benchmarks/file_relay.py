"""2 GB up and down through control, beside straight to the agent and through Debian's nginx.

``python benchmarks/file_relay.py [--megabytes 2000]``. The agent's files lie in memory (``/dev/shm``), so that
the relay is measured and not the disk. Uploads are 250 MB each, as the agent's policy has it. nginx stands in
front of the agent twice: as Debian configures it, and with its buffers switched off. Every figure is the
better of two runs of half the bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.support import nginx
from benchmarks.support.ground import Ground, address, ended, ground, program, ready_line, vmid_of
from tests.agent.files.world import PAYLOAD
from tests.support.http import Caller
from tests.support.ports import free_port

if TYPE_CHECKING:
    from subprocess import Popen

MB = 1_000_000
PIECE = 1 << 20
UPLOAD_MB = 250
TOKEN = "a-token-for-the-benchmark"
MEMORY_GOAL_MB = 20.0
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.jar"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


def opened(url: str) -> tuple[socket.socket, str]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=120), parts.path


def answered(sock: socket.socket) -> tuple[bytes, bytes]:
    """Return the head of an answer and what came with it of its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        assert more, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


def download(url: str, token: str, megabytes: int) -> float:
    """Return MB/s."""
    begun = time.perf_counter()
    sock, path = opened(url)
    want = f"bytes=0-{megabytes * MB - 1}"
    sock.sendall(f"GET {path}/download?path=world/big HTTP/1.1\r\nHost: b\r\nRange: {want}\r\n".encode())
    sock.sendall(f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n".encode())
    head, body = answered(sock)
    assert b" 206 " in head, head
    got, buffer = len(body), bytearray(PIECE)
    while count := sock.recv_into(buffer):
        got += count
    sock.close()
    assert got == megabytes * MB, got
    return megabytes / (time.perf_counter() - begun)


def upload(url: str, token: str, megabytes: int) -> float:
    """Return MB/s."""
    begun = time.perf_counter()
    for _ in range(max(1, megabytes // UPLOAD_MB)):
        size = min(UPLOAD_MB, megabytes) * MB
        sock, path = opened(url)
        length = size + len(HEAD) + len(TAIL)
        sock.sendall(f"POST {path}/upload?path=mods/x.jar&overwrite=true HTTP/1.1\r\nHost: b\r\n".encode())
        sock.sendall(
            f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\nConnection: close\r\n".encode()
        )
        sock.sendall(b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" + HEAD)
        piece, left = bytes(PIECE), size
        while left:
            sock.sendall(piece[: min(PIECE, left)])
            left -= min(PIECE, left)
        sock.sendall(TAIL)
        head, _ = answered(sock)
        assert b" 201 " in head or b" 200 " in head, head
        sock.close()
    return megabytes / (time.perf_counter() - begun)


class Memory:
    """How much more a process holds at its highest than when it was first looked at."""

    def __init__(self, name: str, pid: int) -> None:
        self.name = name
        self._status = Path(f"/proc/{pid}/status")
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._before = self._read("VmRSS")

    def _read(self, field: str) -> float:
        return int(self._status.read_text().split(f"{field}:")[1].split()[0]) / 1000

    def grown(self) -> float:
        return self._read("VmHWM") - self._before


def start_agent(folder: Path) -> tuple[Popen[str], str, int]:
    (folder / "home" / "config").mkdir(parents=True)
    (folder / "home" / "config" / "payload.json").write_text(json.dumps(PAYLOAD))
    files = folder / "root" / "minecraft" / "scripted" / "world"
    for name in ("mods", "world"):
        (files / name).mkdir(parents=True)
    environment = {
        "ZLH_AGENT_HOST": address(1),
        "ZLH_AGENT_PORT": "0",
        "ZLH_AGENT_HOME": str(folder / "home"),
        "ZLH_RUNTIME_ROOT": str(folder / "root"),
        "ZLH_AGENT_TOKEN": TOKEN,
    }
    agent = program("zpack.agent", environment=environment)
    port = int(ready_line(agent)["listen"].rpartition(":")[2])
    return agent, f"http://{address(1)}:{port}", port


async def signed_in(where: Ground, base: str) -> str:
    async with Caller(base) as anyone, await anyone.registered("ann") as ann:
        owner = (await ann.get("/api/auth/me")).body["user"]["id"]
        where.add_servers(owner, [1])
        assert ann.token
        return ann.token


def compare(ways: dict[str, tuple[str, str]], megabytes: int, memories: list[Memory]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, transfer in (("down", download), ("up", upload)):
        for way, (url, token) in ways.items():
            figures[f"{name} {way}"] = max(transfer(url, token, megabytes // 2) for _ in range(2))
            print(f"{name:5} {way:34} {figures[f'{name} {way}']:7.0f} MB/s", flush=True)
    for memory in memories:
        grown = memory.grown()
        print(f"{memory.name}: at most {grown:.1f} MB more than before (goal: {MEMORY_GOAL_MB:.0f})")
        figures[f"memory {memory.name}"] = grown
    return figures


def measure(folder: Path, shm: Path, megabytes: int) -> dict[str, float]:
    agent, direct, agent_port = start_agent(shm)

    with (shm / "root/minecraft/scripted/world/world/big").open("wb") as big:
        for _ in range(megabytes):
            big.write(bytes(MB))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    try:
        with ground(folder) as where:
            settings = where.environment | {
                "PORT": str(port),
                "ZLH_AGENT_PORT": str(agent_port),
                "ZLH_AGENT_TOKEN": TOKEN,
            }
            control = program("zpack.control", "serve", "--embedded", environment=settings)
            try:
                ready_line(control)
                token = asyncio.run(signed_in(where, base))
                through = f"{base}/api/game/servers/{vmid_of(1)}/files"
                ways = {
                    "straight to the agent": (f"{direct}/game/files", TOKEN),
                    "through control": (through, token),
                }
                for url, bearer in ways.values():  # what is loaded and cached once is no growth
                    download(url, bearer, 50), upload(url, bearer, 50)
                memories = [Memory("control", control.pid), Memory("agent", agent.pid)]
                return beside_nginx(folder, direct, ways, megabytes, memories)
            finally:
                ended(control)
    finally:
        ended(agent)


def beside_nginx(
    folder: Path, direct: str, ways: dict[str, tuple[str, str]], megabytes: int, memories: list[Memory]
) -> dict[str, float]:
    binary = nginx.program(folder / "package")
    if binary is None:
        print("nginx is left out: it is not installed, and apt-get could not fetch it")
        return compare(ways, megabytes, memories)
    with (
        nginx.proxying(binary, folder / "a", direct) as default,
        nginx.proxying(binary, folder / "b", direct, more=nginx.UNBUFFERED) as unbuffered,
    ):
        ways |= {
            "through nginx, Debian's settings": (f"{default}/game/files", TOKEN),
            "through nginx, without buffers": (f"{unbuffered}/game/files", TOKEN),
        }
        figures = compare(ways, megabytes, memories)
    for name in ("down", "up"):
        ratio = figures[f"{name} through control"] / figures[f"{name} through nginx, Debian's settings"]
        print(f"{name}: control / nginx = {ratio:.2f} (goal: at least 1)")
    return figures


def main() -> None:
    """Start everything, measure, end everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    options = parser.parse_args()
    memory = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=memory) as shm:
        Path(folder).chmod(0o711)
        measure(Path(folder), Path(shm), options.megabytes)


if __name__ == "__main__":
    main()
