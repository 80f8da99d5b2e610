"""Runs `npm ci` in a folder, shows how far it is, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zpack.artifacts.node import NodeTools
    from zpack.artifacts.progress import Progress

_LOOK_SECONDS = 0.5
_BUDGET_SECONDS = 900
_TAIL = 2000
# No scripts: everything we install is plain JavaScript, so nothing from a package may run while installing.
_OPTIONS = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev", "--prefer-offline")


class InstallError(Exception):
    """npm failed or took too long."""


def npm_ci(folder: Path, *, tools: NodeTools, stage: str, progress: Progress) -> None:
    """Install what the folder's lock file names, verified by its integrity hashes; raises InstallError."""
    total = len(json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]) - 1
    env = os.environ | {
        "PATH": f"{tools.folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_update_notifier": "false",
        "NO_COLOR": "1",
    }
    log = folder / "npm.log"
    progress.show(stage, 0, total)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*tools.npm, *_OPTIONS],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(process, lambda: progress.show(stage, min(_installed(folder), total), total))
        finally:
            _end(process)
    if process.returncode != 0:
        raise InstallError(
            f"npm ci ended with {process.returncode}:\n{log.read_text('utf-8', 'replace')[-_TAIL:]}"
        )
    log.unlink()
    progress.show(stage, total, total)


def _wait(process: subprocess.Popen[bytes], on_look: Callable[[], None]) -> None:
    for _ in range(int(_BUDGET_SECONDS / _LOOK_SECONDS)):
        try:
            process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            on_look()
        else:
            return
    raise InstallError(f"npm ci was not done after {_BUDGET_SECONDS} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _installed(folder: Path) -> int:
    # Folders are all made at the start; a package is there when its own description is.
    modules = folder / "node_modules"
    return sum(1 for pattern in ("*/package.json", "@*/*/package.json") for _ in modules.glob(pattern))
