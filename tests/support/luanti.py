"""Luanti (Debian's minetest-server): a real game over UDP, and the ping its clients begin with."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BINARY = "/usr/lib/minetest/minetestserver"
HELLO = bytes.fromhex("4f45740300000001")
"""Protocol id, peer 0, channel 0, an original packet of one byte: what a client says first."""
GREETING = bytes.fromhex("4f457403")


@contextmanager
def luanti(folder: Path, address: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in ``folder``."""
    if shutil.which(BINARY) is None:
        assert "CI" not in os.environ, "CI must run Luanti, but this machine has none"
        pytest.skip("no Luanti here: Debian's minetest-server is not installed")
    folder.mkdir()
    config = folder / "minetest.conf"
    config.write_text(f"bind_address = {address}\nserver_announce = false\nname = admin\n")
    words = ["--config", str(config), "--world", str(folder / "world"), "--gameid", "devtest"]
    process = subprocess.Popen(
        [BINARY, *words, "--port", str(port), "--logfile", str(folder / "log"), "--quiet"],
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.heard.done():
            self.heard.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Take no notice: a closed port is answered by silence."""


async def pinged(host: str, port: int, *, seconds: float = 0.5) -> bool:
    """Say whether a Luanti server answers there."""
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(_Ear, remote_addr=(host, port))
    try:
        transport.sendto(HELLO)
        async with asyncio.timeout(seconds):
            return (await ear.heard).startswith(GREETING)
    except TimeoutError:
        return False
    finally:
        transport.close()
