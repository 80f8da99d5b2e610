"""A real Redis server in its own process. Debian's redis-tools holds the server's binary without a service."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 20.0


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a server that keeps nothing on disk; yield its URL. Skips the test where there is none."""
    binary = shutil.which("redis-server") or shutil.which("redis-check-rdb")
    if binary is None:
        assert "CI" not in os.environ, "CI must run Redis, but this machine has none"
        pytest.skip("no Redis here: Debian's redis-tools is not installed")
    port = port or free_port()
    # One binary with several names: the name it is called by decides what it is.
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(
        [*words, "--dir", str(folder)], executable=os.path.realpath(binary), stdout=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, "Redis did not start"
            time.sleep(0.02)
        else:
            return
