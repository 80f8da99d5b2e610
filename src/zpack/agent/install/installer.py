"""Installs a payload's server, once: what already stands with the right checksum is left alone."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from zpack.agent.config.files import read_json, write_json
from zpack.agent.config.payload import SEGMENT
from zpack.agent.games.engine import fill
from zpack.agent.install.checksums import checksum_of
from zpack.agent.install.server import ServerFolder, find_start, inside
from zpack.agent.problems import WorkloadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zpack.agent.config.payload import Payload
    from zpack.agent.games.engine import Engine
    from zpack.agent.install.artifacts import Artifacts
    from zpack.agent.install.folders import Unpacker
    from zpack.agent.install.runtimes import Runtimes
    from zpack.agent.runtime.process import PipeLauncher
    from zpack.agent.settings import Store

    Report = Callable[[str], None]


@dataclass(frozen=True)
class Installed:
    """What stands, so that nobody installs it again."""

    game: str
    variant: str
    version: str
    world: str
    artifact_path: str
    java_path: str
    checksum: str
    program: str
    """The Java, Node or Python that runs it."""


class Installer:
    """Every step may run twice; an interrupted installation is simply begun again."""

    def __init__(
        self,
        *,
        record: Path,
        store: Store,
        artifacts: Artifacts,
        unpacker: Unpacker,
        runtimes: Runtimes,
        servers: ServerFolder,
        launcher: PipeLauncher,
    ) -> None:
        self._record = record
        self._store = store
        self._artifacts = artifacts
        self._unpacker = unpacker
        self._runtimes = runtimes
        self._servers = servers
        self._launcher = launcher

    def installed(self, payload: Payload, engine: Engine) -> Installed | None:
        """Return what stands for this payload, without asking the store."""
        record = self._read()
        wanted = {name: getattr(payload, name) for name in _IDENTITY}
        if record is None or {name: getattr(record, name) for name in _IDENTITY} != wanted:
            return None
        runs = engine.runtime == "native" or os.access(record.program, os.X_OK)
        usable = runs and find_start(engine, self._servers.path(payload))
        return record if usable else None

    async def install(
        self, payload: Payload, engine: Engine, *, report: Report, on_line: Callable[[str], None]
    ) -> Installed:
        """Install, or find installed, what the store lists now. Raises :class:`WorkloadError`."""
        try:
            async with asyncio.timeout(self._store.install_seconds):
                return await self._install(payload, engine, report=report, on_line=on_line)
        except TimeoutError:
            msg = f"the installation did not finish within {self._store.install_seconds:.0f} s"
            raise WorkloadError(msg) from None
        except OSError as error:
            msg = f"the installation cannot write its files: {error.strerror or error}"
            raise WorkloadError(msg) from error

    async def _install(
        self, payload: Payload, engine: Engine, *, report: Report, on_line: Callable[[str], None]
    ) -> Installed:
        report("checksums")
        sums = await self._artifacts.checksums()
        checksum = checksum_of(sums, payload.artifact_path)
        report(engine.runtime)
        program = await self._program(payload, engine, sums, report)
        standing = self.installed(payload, engine)
        if standing is None or standing.checksum != checksum:
            self._record.unlink(missing_ok=True)
            self._unpacker.clean()
            await self._place(
                payload, engine, checksum=checksum, program=program, report=report, on_line=on_line
            )
            await self._seed(payload, engine, sums, report)
        standing = Installed(
            **{name: getattr(payload, name) for name in _IDENTITY}, checksum=checksum, program=program
        )
        if find_start(engine, self._servers.path(payload)) is None:
            msg = f"{payload.artifact_path} holds nothing that {engine.name} can be started from"
            raise WorkloadError(msg)
        write_json(self._record, asdict(standing))
        self._artifacts.clean()
        return standing

    async def _program(self, payload: Payload, engine: Engine, sums: dict[str, str], report: Report) -> str:
        if engine.runtime == "java":
            return await self._runtimes.java(payload, sums, report)
        if engine.runtime == "native":
            return ""
        return self._runtimes.node() if engine.runtime == "node" else self._runtimes.python()

    async def _place(
        self,
        payload: Payload,
        engine: Engine,
        *,
        checksum: str,
        program: str,
        report: Report,
        on_line: Callable[[str], None],
    ) -> None:
        archive = await self._artifacts.fetch(payload.artifact_path, checksum=checksum, report=report)
        folder = self._servers.path(payload)
        folder.mkdir(parents=True, exist_ok=True)
        if engine.install.kind == "archive":
            report("unpack")
            return await self._unpacker.replace_entries(archive, folder, keep={payload.world, "logs"})
        archive.replace(folder / engine.install.target)
        if engine.install.kind == "installer":
            report("installer")
            await asyncio.to_thread(self._servers.hand_over, payload)
            command = self._servers.command(payload, engine.install.command, program=program)
            end = await self._launcher.run(command, on_line=on_line, seconds=self._store.install_seconds)
            if end.code != 0:
                msg = f"{engine.name}'s installer ended with {end}; the console has its output"
                raise WorkloadError(msg)
        return None

    async def _seed(self, payload: Payload, engine: Engine, sums: dict[str, str], report: Report) -> None:
        facts = self._servers.facts(payload)
        for seed in engine.install.seeds:
            prefix = str(fill(seed.source, facts)).rstrip("/") + "/"
            for path in sorted(p for p in sums if p.startswith(prefix)):
                name = path[len(prefix) :]
                root = self._servers.path(payload)
                target = inside(root, root / seed.target / name)
                if not SEGMENT.fullmatch(name):  # deeper, or no plain file name
                    continue
                if not target.exists():
                    found = await self._artifacts.fetch(path, checksum=sums[path], report=report)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    found.replace(target)

    def _read(self) -> Installed | None:
        saved: dict[str, Any] = read_json(self._record)
        try:
            return Installed(**saved)
        except TypeError:
            return None


_IDENTITY = ("game", "variant", "version", "world", "artifact_path", "java_path")
