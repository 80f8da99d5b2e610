"""Installs the test clients once, whatever the number of test processes, and tells where they are."""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from zpack.artifacts.node import NodeTools, find_node
from zpack.artifacts.npm_install import npm_ci
from zpack.artifacts.progress import SilentProgress

FOLDER = Path(__file__).parent
_MARK = FOLDER / "node_modules" / ".zpack-installed"


def installed_bots() -> tuple[NodeTools, Path]:
    """Give Node.js and the folder with join.mjs and ping.mjs, ready to run.

    `npm ci` runs when the lock file changed since the last time (about 12 s with a warm cache, 450 MB).
    """
    tools = find_node()
    key = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with (FOLDER / ".gitignore").open() as lock:  # any file that is always there serves as the lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _MARK.exists() or _MARK.read_text("utf-8") != key:
            npm_ci(FOLDER, tools=tools, stage="install bots", progress=SilentProgress())
            _MARK.write_text(key, "utf-8")
    return tools, FOLDER
