"""What dev containers need, made while the platform runs: it takes minutes, once, and nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from zpack.allinone.child import ends_with_us

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = {
    "runtimes": "the runtimes of dev containers (the first time takes a minute)",
    "codeserver": "the browser IDE (the first time takes some minutes)",
}
KINDNESS = 19
"""The nice value: players come first."""


async def prepare_dev_parts(folder: Path, say: Callable[[str], None]) -> None:
    """Have the runtimes and the browser IDE in the artifact folder; say what is missing for that."""
    for part, what in PARTS.items():
        say(f"preparing {what}")
        status = await _prepared(folder, part)
        again = f"zpack artifacts prepare {part} --home {folder}"
        say(f"{part}: prepared" if status == 0 else f"{part}: not prepared; try again with: {again}")


async def _prepared(folder: Path, part: str) -> int:
    """Run one preparation to its end; return its exit status. It says its progress itself."""
    words = ("-m", "zpack.artifacts", "prepare", part, "--home", str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        env={**os.environ, **ends_with_us()},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, KINDNESS)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise
