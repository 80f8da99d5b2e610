"""Installs a dev container's runtime: verified, run once, and only then called the current one.

``<runtime root>/runtime/<runtime>/<version>``, with ``current`` beside it (contract §4.10).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.agent.config.files import MAX_BYTES, read_small, write_beside
from zpack.agent.dev.catalog import CATALOG, check_offered, parse_catalog, runtime_path
from zpack.agent.dev.errors import ProvisioningError
from zpack.agent.install.checksums import checksum_of
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.process import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.agent.config.payload import DevPayload
    from zpack.agent.install.artifacts import Artifacts
    from zpack.agent.install.folders import Unpacker
    from zpack.agent.runtime.process import PipeLauncher

PROGRAMS = {"python": "bin/python3", "dotnet": "dotnet"}
"""Where a runtime's program is; ``bin/<runtime>`` for all others."""
ASK_VERSION = {"go": "version", "java": "-version"}
VERSION_SECONDS = 60.0
STAMP = ".zpack-sha256"


class DevRuntimes:
    """The runtimes below one folder. Every step may run twice."""

    def __init__(
        self, *, folder: Path, artifacts: Artifacts, unpacker: Unpacker, launcher: PipeLauncher
    ) -> None:
        self._folder = folder
        self._artifacts = artifacts
        self._unpacker = unpacker
        self._launcher = launcher

    def programs(self, payload: DevPayload) -> Path:
        """Return the folder that belongs on PATH; it follows ``current``."""
        return (self._folder / payload.runtime / "current" / _program(payload)).parent

    def installed(self, payload: DevPayload) -> bool:
        """Say, without asking the store, whether the payload's runtime is the current one and usable."""
        target = self._target(payload)
        link = target.parent / "current"
        current = link.is_symlink() and link.readlink().name == target.name
        return current and self._checksum(target) != "" and _runs(target / _program(payload))

    async def install(
        self, payload: DevPayload, sums: dict[str, str], *, report: Callable[[str], None]
    ) -> None:
        """Have the runtime, as the store lists it now. Raises :class:`WorkloadError`, ``OSError``."""
        report("catalog")
        offered = parse_catalog(await self._catalog(sums, report))
        check_offered(offered, runtime=payload.runtime, version=payload.version)
        path = payload.artifact_path or runtime_path(sums, runtime=payload.runtime, version=payload.version)
        checksum = checksum_of(sums, path)
        target = self._target(payload)
        if self._checksum(target) != checksum or not _runs(target / _program(payload)):
            await self._place(payload, path, checksum=checksum, report=report)
        self._make_current(target)

    async def _catalog(self, sums: dict[str, str], report: Callable[[str], None]) -> bytes:
        if CATALOG not in sums:
            msg = f"{CATALOG} is not listed in the artifact store's SHA256SUMS, so it cannot be verified"
            raise ProvisioningError(msg, code="invalid_catalog")
        file = await self._artifacts.fetch(CATALOG, checksum=sums[CATALOG], report=report)
        try:
            if file.stat().st_size >= MAX_BYTES:
                msg = f"{CATALOG} is too large to be a catalog"
                raise ProvisioningError(msg, code="invalid_catalog")
            return file.read_bytes()
        finally:
            file.unlink()

    async def _place(
        self, payload: DevPayload, path: str, *, checksum: str, report: Callable[[str], None]
    ) -> None:
        archive = await self._artifacts.fetch(path, checksum=checksum, report=report)
        target = self._target(payload)
        report(f"unpack {archive_name(path)}")
        try:
            await self._unpacker.replace_folder(archive, target)
            report(f"check {payload.runtime}")
            await self._check(payload, target)
            write_beside(target / STAMP, checksum.encode())
        except BaseException:
            archive.unlink(missing_ok=True)
            await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
            raise

    async def _check(self, payload: DevPayload, target: Path) -> None:
        program = target / _program(payload)
        if not _runs(program):
            msg = f"the archive of {payload.runtime} {payload.version} holds no {_program(payload)}"
            raise WorkloadError(msg)
        ask = ASK_VERSION.get(payload.runtime, "--version")
        said: list[str] = []
        env = {"LC_ALL": "C", "HOME": str(target), "RUNTIME_VERSION": payload.version}
        end = await self._launcher.run(
            Command((str(program), ask), target, env), on_line=said.append, seconds=VERSION_SECONDS
        )
        if end.code != 0:
            msg = f"{payload.runtime} {payload.version} does not run here: {said[-1] if said else end}"
            raise WorkloadError(msg)

    def _make_current(self, target: Path) -> None:
        beside = target.parent / f".current.{uuid.uuid4().hex}"
        beside.symlink_to(target.name)
        beside.replace(target.parent / "current")

    def _target(self, payload: DevPayload) -> Path:
        return self._folder / payload.runtime / payload.version

    @staticmethod
    def _checksum(target: Path) -> str:
        return (read_small(target / STAMP) or b"").decode(errors="replace")


def archive_name(path: str) -> str:
    """Return an artifact's file name."""
    return path.rsplit("/", 1)[-1]


def _program(payload: DevPayload) -> Path:
    return Path(PROGRAMS.get(payload.runtime, f"bin/{payload.runtime}"))


def _runs(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)
