"""The releases on disk: ``<home>/releases/<version>``; ``current`` names one of them at any moment."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.agent.config.files import read_json, write_json
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.process import Command
from zpack.agent.update.versions import order

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.agent.install.folders import Unpacker
    from zpack.agent.runtime.process import PipeLauncher

PROGRAM = "zlh-agent"
TRY_SECONDS = 30.0


@dataclass(frozen=True)
class Failed:
    """A release that was taken back."""

    version: str
    reason: str
    at: str


class Releases:
    """Installs, switches and confirms releases. ``start.py`` reads the same state and undoes a switch."""

    def __init__(self, *, home: Path, unpacker: Unpacker, launcher: PipeLauncher) -> None:
        self._home = home
        self._folder = home / "releases"
        self._state_file = home / "state" / "update.json"
        self._unpacker = unpacker
        self._launcher = launcher

    @property
    def current(self) -> str | None:
        """The current release's version; ``None`` for an agent that was not installed as a release."""
        link = self._home / "current"
        return link.resolve().name if link.is_symlink() and link.exists() else None

    @property
    def previous(self) -> str | None:
        """The release to which one can go back."""
        return _text(self._read().get("previous"))

    @property
    def failed(self) -> Failed | None:
        """The release that was last taken back, until another one is confirmed."""
        said = self._read().get("failed")
        try:
            return Failed(**{name: str(value) for name, value in said.items()}) if said else None
        except (TypeError, AttributeError):
            return None

    async def install(self, version: str, archive: Path) -> None:
        """Put a verified archive in place and see that it runs. Raises :class:`WorkloadError`."""
        target = self._folder / version
        await self._unpacker.replace_folder(archive, target)
        try:
            await self._try(target, version)
        except WorkloadError:
            await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
            raise

    def switch(self, version: str) -> None:
        """Make a release current, on trial. Raises ``OSError``."""
        state = self._read()
        state["trial"] = {"version": version, "previous": self.current, "starts": 0}
        write_json(self._state_file, state)
        beside = self._home / f".current.{os.getpid()}"
        beside.unlink(missing_ok=True)
        beside.symlink_to(f"releases/{version}")
        beside.replace(self._home / "current")

    def confirm(self) -> str | None:
        """Say that the release on trial is healthy, for it is we; return its version if there was one.

        Raises ``OSError``.
        """
        signal.alarm(0)
        state = self._read()
        trial = state.pop("trial", None)
        if not isinstance(trial, dict):
            return None
        state.pop("failed", None)
        state["previous"] = trial.get("previous")
        write_json(self._state_file, state)
        self._forget_old()
        return _text(trial.get("version"))

    def clean(self) -> None:
        """Remove what an interrupted update left."""
        self._unpacker.clean()
        for path in self._home.glob(".current.*"):
            path.unlink(missing_ok=True)

    async def _try(self, target: Path, version: str) -> None:
        """Let it say its version, which loads all of it."""
        said: list[str] = []
        command = Command((str(target / PROGRAM), "--version"), target, {"LC_ALL": "C.UTF-8"})
        end = await self._launcher.run(command, on_line=said.append, seconds=TRY_SECONDS)
        if end.code != 0 or said != [f"v{version}"]:
            heard = " ".join(said[-1:])[:200]
            raise WorkloadError(f"release {version} does not run here ({end}): {heard}")

    def _forget_old(self) -> None:
        kept = {self.current, self.previous}
        for path in self._folder.iterdir():
            if order(path.name) and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _read(self) -> dict[str, Any]:
        return read_json(self._state_file)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
