"""Runs `npm ci` in a folder, shows how far it is, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from zpack.artifacts.node import NodeTools
    from zpack.artifacts.progress import Progress

_LOOK_SECONDS = 0.5
_BUDGET_SECONDS = 900
_TAIL = 2000
_OPTIONS = ("ci", "--no-audit", "--no-fund", "--omit=dev", "--prefer-offline")


class InstallError(Exception):
    """npm failed or took too long."""


def npm_ci(
    folder: Path,
    *,
    tools: NodeTools,
    stage: str,
    progress: Progress,
    scripts: Mapping[str, str] | None = None,
    last: str = "",
) -> None:
    """Install what the folder's lock file names, verified by its integrity hashes; raises InstallError.

    Args:
        folder: Where the lock file is.
        tools: The Node.js to use.
        stage: What this is called while it goes on.
        progress: Told how far it is.
        scripts: The environment that packages' own scripts run in; without it none runs.
        last: A folder which those scripts make; from then on only they are waited for.
    """
    total = len(json.loads((folder / "package-lock.json").read_text("utf-8"))["packages"]) - 1
    env = os.environ | {
        "PATH": f"{tools.folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_update_notifier": "false",
        "NO_COLOR": "1",
        **(scripts or {}),
    }
    options = _OPTIONS if scripts is not None else (*_OPTIONS, "--ignore-scripts")
    log = folder / "npm.log"
    progress.show(stage, 0, total)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*tools.npm, *options],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(process, lambda: _show(folder, stage=stage, last=last, total=total, progress=progress))
        finally:
            _end(process)
    if process.returncode != 0:
        raise InstallError(
            f"npm ci ended with {process.returncode}:\n{log.read_text('utf-8', 'replace')[-_TAIL:]}"
        )
    log.unlink()
    progress.show(stage, total, total)


def _show(folder: Path, *, stage: str, last: str, total: int, progress: Progress) -> None:
    if last and (folder / last).is_dir():
        progress.show(f"{stage}: its own parts, some of them compiled")
    else:
        progress.show(stage, min(_installed(folder), total), total)


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
