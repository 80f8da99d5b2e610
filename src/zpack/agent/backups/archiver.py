"""Has archives packed and unpacked by a child process, which ends with the agent or its patience."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from zpack.agent.backups.record import Failed
from zpack.agent.backups.shelf import ARCHIVE, MANIFEST
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.family import end_marked
from zpack.agent.runtime.process import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from zpack.agent.faults import FaultPoint
    from zpack.agent.runtime.process import PipeLauncher
    from zpack.agent.settings import Keeping

    Report = Callable[[str], None]

CHILD = "zpack.agent.backups.child"
MARK = "ZPACK_BACKUP_OF"


class Archiver:
    """Starts one child at a time. ``home`` is how a later agent finds the child of a killed one."""

    def __init__(self, *, launcher: PipeLauncher, keeping: Keeping, home: Path, fault: FaultPoint) -> None:
        self._launcher = launcher
        self._keeping = keeping
        self._home = home
        self._fault = fault

    async def end_leftovers(self) -> None:
        """End the child of an agent that was killed: it may still be writing."""
        await end_marked(f"{MARK}={self._home}")

    async def pack(self, folder: Path, into: Path, *, skip: Sequence[str], report: Report) -> dict[str, Any]:
        """Pack a server's folder into ``into``; return what was packed. Raises :class:`Failed`."""
        job = {"what": "pack", "folder": str(folder), "skip": list(skip)}
        return await self._run(job, into, "archiving", report)

    async def unpack(self, backup: Path, target: Path, *, checksum: str, like: Path, report: Report) -> None:
        """Verify a backup while it is unpacked into ``target``, for the owner of ``like``.

        Raises :class:`Failed`.
        """
        job = {"what": "unpack", "folder": str(like), "target": str(target), "checksum": checksum}
        await self._run(job, backup, "verifying and unpacking", report)

    async def _run(self, job: dict[str, Any], backup: Path, doing: str, report: Report) -> dict[str, Any]:
        limits = {"max_bytes": self._keeping.max_bytes, "min_free_bytes": self._keeping.min_free_bytes}
        paths = {"archive": str(backup / ARCHIVE), "manifest": str(backup / MANIFEST)}
        argv = (sys.executable, "-I", "-m", CHILD, json.dumps(job | limits | paths))
        env = {"LC_ALL": "C.UTF-8", MARK: str(self._home)} | self._fault.environment()
        words: dict[str, Any] = {}

        def hear(line: str) -> None:
            said = _parsed(line)
            words.update(said)
            if "progress" in said:
                report(f"{doing} {100 * said['progress']:.0f}%")

        report(doing)
        try:
            end = await self._launcher.run(
                Command(argv, self._home, env), on_line=hear, seconds=self._keeping.seconds
            )
        except WorkloadError as error:
            raise Failed(f"{doing} failed: {error}") from error
        if isinstance(words.get("done"), dict):
            return words["done"]
        raise _failure(words, f"{doing} ended with {end}: {words.get('last', 'nothing was said')}")


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {"last": line[:300]}
    return said if isinstance(said, dict) else {"last": line[:300]}


def _failure(words: dict[str, Any], otherwise: str) -> Failed:
    told = words.get("failed")
    if not isinstance(told, dict):
        return Failed(otherwise)
    failure = Failed(str(told["message"]), code=str(told["code"]))
    failure.kind = told["kind"]
    return failure
