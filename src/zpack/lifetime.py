"""What a supervised program owes its supervisor: an end together with it, and one line when it is ready.

``ZPACK_PDEATHSIG=1`` asks for the first; ``ZPACK_PARENT_PID`` names the supervisor, so that one that died
before the program had started is noticed too.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def follow_parent() -> None:
    """End with SIGTERM when the parent ends, if asked to. Raises SystemExit when it is gone already."""
    if os.environ.get("ZPACK_PDEATHSIG") != "1" or sys.platform != "linux":
        return
    parent = int(os.environ.get("ZPACK_PARENT_PID") or os.getppid())
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)


def say_ready(program: str, **facts: object) -> None:
    """Print the one JSON line that a supervisor waits for."""
    sys.stdout.write(json.dumps({"ready": True, "program": program, **facts}) + "\n")
    sys.stdout.flush()
