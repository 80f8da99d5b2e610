"""What a supervised program owes its supervisor: one ready line, an end with it, an end on a signal."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def follow_parent() -> None:
    """Die with the parent process when ZPACK_PDEATHSIG=1 asks for it; raises SystemExit if it is gone."""
    if os.environ.get("ZPACK_PDEATHSIG") != "1":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have died between our start and the call above: then nobody would ever send the signal.
    if parent == 1 or os.getppid() != parent:
        raise SystemExit(0)


def say_ready(program: str, listen: str) -> None:
    """Print the one line that tells the supervisor that the program serves."""
    sys.stdout.write(json.dumps({"ready": True, "program": program, "listen": listen}) + "\n")
    sys.stdout.flush()


async def until_signal() -> None:
    """Return when SIGTERM or SIGINT comes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
