"""Traefik's directory of dynamic files: one file of ours per server, and nobody else's is ever touched.

A file is written beside its place, synced and renamed, so that Traefik never reads half of one. Its name is
made by one function, which writing, removing and looking share (contract §6.4 b). JSON is YAML.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
import threading
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from zpack.control.engine.errors import ForeignError
from zpack.control.outside.traefik_words import HOSTNAME, closed_config, game_config, merged, roads_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zpack.control.outside.traefik_words import Config, Road

OURS = re.compile(rf"zpack-server-({HOSTNAME.pattern})\.yml")
BASE = "zpack-base.yml"
HALF = re.compile(r"\.zpack-.+\.tmp")
"""A file that a crash left half written; the dot and the ending keep Traefik from reading it."""
ABANDONED_SECONDS = 60.0
READ_LIMIT = 1 << 20


class TraefikFiles:
    """Writes, removes and reads our files in one directory."""

    def __init__(self, *, directory: Path, base: Config, ports: Sequence[tuple[str, int]]) -> None:
        self._directory = directory
        self._base = base
        self._ports = ports
        self._turn = threading.Lock()

    async def write(self, hostname: str, roads: Sequence[Road]) -> str:
        """Write a server's file, unless it is there just so; return its name. Raises ForeignError."""
        name = name_of(hostname)
        await asyncio.to_thread(self._guarded, self._put, hostname, list(roads))
        return name

    async def remove(self, hostname: str) -> str:
        """Remove a server's file; one that is gone is fine. Raises ForeignError."""
        name = name_of(hostname)
        await asyncio.to_thread(self._guarded, self._drop, hostname)
        return name

    async def listed(self) -> dict[str, list[Road]]:
        """Return what our files say, by host name; one we cannot read says nothing. Raises ForeignError."""
        return await asyncio.to_thread(self._guarded, self._listed)

    async def broken(self) -> list[str]:
        """Return the names of files that no parser reads. One of them keeps Traefik from all the others."""
        return await asyncio.to_thread(self._guarded, self._broken)

    def _guarded(self, work: Any, *given: Any) -> Any:
        try:
            return work(*given)
        except OSError as failure:
            word = os.strerror(failure.errno) if failure.errno else type(failure).__name__
            raise ForeignError(f"Traefik's directory: {word}", transient=True) from failure

    def _put(self, hostname: str, roads: list[Road]) -> None:
        with self._turn:
            found = self._found()
            _check_free(roads, [road for name, some in found.items() if name != hostname for road in some])
            self._write_base(found | {hostname: roads})
            self._write(name_of(hostname), game_config(roads))

    def _drop(self, hostname: str) -> None:
        with self._turn:
            self._write_base(self._found() | {hostname: []})
            (self._directory / name_of(hostname)).unlink(missing_ok=True)
            self._sync()

    def _write_base(self, coming: Mapping[str, list[Road]]) -> None:
        """Write what is there beside the servers: IDE hosts, and the ports that will lead nowhere.

        It goes before the server's own file: what Traefik says of that file then holds for both.
        """
        roads = [road for found in coming.values() for road in found]
        self._write(BASE, merged(self._base, closed_config(roads, self._ports)))

    def _write(self, name: str, config: Config) -> None:
        body = json.dumps(config, indent=1).encode() + b"\n"
        path = self._directory / name
        if path.is_file() and not path.is_symlink() and path.read_bytes() == body:
            return
        handle, half = tempfile.mkstemp(prefix=".zpack-", suffix=".tmp", dir=self._directory)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(body)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            Path(half).replace(path)
        except BaseException:
            Path(half).unlink(missing_ok=True)
            raise
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _listed(self) -> dict[str, list[Road]]:
        with self._turn:
            found = self._found()
            self._write_base(found)
            return found

    def _found(self) -> dict[str, list[Road]]:
        found: dict[str, list[Road]] = {}
        for entry in os.scandir(self._directory):
            match = OURS.fullmatch(entry.name)
            if match is not None:
                found[match[1]] = roads_in(_parsed(Path(entry.path))).get(match[1], [])
            elif HALF.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                Path(entry.path).unlink(missing_ok=True)
        return found

    def _broken(self) -> list[str]:
        names = sorted(entry.name for entry in os.scandir(self._directory) if entry.is_file())
        return [name for name in names if _is_broken(self._directory / name)]


def name_of(hostname: str) -> str:
    """Return the name of a server's file. Raises ForeignError when that is no host name."""
    if not HOSTNAME.fullmatch(hostname):
        raise ForeignError("this is no host name for Traefik", transient=False)
    return f"zpack-server-{hostname}.yml"


def _check_free(roads: Sequence[Road], others: Sequence[Road]) -> None:
    """Raise ForeignError when a port leads to another server already: Traefik would take either."""
    used = {(road.protocol, road.number): road.hostname for road in others}
    for road in roads:
        if (road.protocol, road.number) in used:
            message = f"public port {road.number}/{road.protocol} leads to another server"
            raise ForeignError(message, transient=False)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(READ_LIMIT))
    except (ValueError, RecursionError, FileNotFoundError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_broken(path: Path) -> bool:
    """Say whether a file is no YAML or TOML. A template is read as it is before it is filled in."""
    try:
        text = path.read_bytes()[:READ_LIMIT].decode()
        if path.suffix == ".toml":
            tomllib.loads(text)
        elif path.suffix in {".yml", ".yaml"}:
            yaml.safe_load(text)
    except FileNotFoundError:
        return False
    except (ValueError, yaml.YAMLError, RecursionError):
        return True
    return False
