"""Finds the Java, Node or Python that runs an engine: the payload's, the machine's, or the store's."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from zpack.agent.config.files import read_small, write_beside
from zpack.agent.install.checksums import checksum_of
from zpack.agent.install.java import java_major
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.process import Command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zpack.agent.config.payload import Payload
    from zpack.agent.install.artifacts import Artifacts
    from zpack.agent.install.folders import Unpacker
    from zpack.agent.install.java import JavaRule, JavaTable
    from zpack.agent.runtime.process import PipeLauncher
    from zpack.agent.settings import Folders

VERSION_SECONDS = 20.0
SUM_FILE = ".zpack-sha256"


class Runtimes:
    """What executes an engine's program."""

    def __init__(
        self,
        *,
        folders: Folders,
        table: JavaTable,
        artifacts: Artifacts,
        unpacker: Unpacker,
        launcher: PipeLauncher,
    ) -> None:
        self._folders = folders
        self._table = table
        self._artifacts = artifacts
        self._unpacker = unpacker
        self._launcher = launcher

    def node(self) -> str:
        """Return the Node.js program. Raises :class:`WorkloadError`."""
        found = _program(self._folders.node_dir, "node")
        if found is None:
            raise WorkloadError("no Node.js: neither ZPACK_NODE_DIR nor PATH has a node program")
        return found

    @staticmethod
    def python() -> str:
        """Return the agent's own Python."""
        return sys.executable

    async def java(self, payload: Payload, sums: dict[str, str], report: Callable[[str], None]) -> str:
        """Return a Java for the payload, installing it when needed. Raises :class:`WorkloadError`.

        The payload's ``java_path`` is followed. Without one, or when the store does not have it, a Java of
        this machine is taken if the version table accepts it; else the store's own for that version.
        """
        rule = self._table.rule(payload.version)
        path = payload.java_path
        if path and path in sums:
            return await self._installed(path, sums, report)
        local = await self._local_java(rule)
        if local:
            return local
        return await self._installed(path or f"java/{rule.major}/OpenJDK{rule.major}.tar.gz", sums, report)

    async def _installed(self, path: str, sums: dict[str, str], report: Callable[[str], None]) -> str:
        checksum = checksum_of(sums, path)
        parts = path.split("/")
        name = parts[-2] if len(parts) > 1 else checksum[:12]
        target = self._folders.runtime_root / "runtime" / "java" / name
        stamp = target / SUM_FILE
        if (read_small(stamp) or b"").decode(errors="replace") != checksum:
            archive = await self._artifacts.fetch(path, checksum=checksum, report=report)
            report(f"unpack {parts[-1]}")
            await self._unpacker.replace_folder(archive, target)
            write_beside(stamp, checksum.encode())
        java = target / "bin" / "java"
        if not os.access(java, os.X_OK):
            msg = f"{path} holds no bin/java"
            raise WorkloadError(msg)
        return str(java)

    async def _local_java(self, rule: JavaRule) -> str | None:
        for folder in (self._folders.java_dir, None):
            java = _program(folder, "java", search_path=folder is None)
            if java and await self._major(java) in rule.accepts:
                return java
        return None

    async def _major(self, java: str) -> int | None:
        said: list[str] = []
        command = Command((java, "-version"), self._folders.home, {"LC_ALL": "C"})
        try:
            await self._launcher.run(command, on_line=said.append, seconds=VERSION_SECONDS)
        except WorkloadError:
            return None
        return java_major("\n".join(said[:20]))


def _program(folder: Path | None, name: str, *, search_path: bool = True) -> str | None:
    if folder is not None:
        for path in (folder / "bin" / name, folder / name):
            if os.access(path, os.X_OK) and path.is_file():
                return str(path)
    return shutil.which(name) if search_path else None
