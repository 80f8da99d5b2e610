"""What a supervised program owes its supervisor: an end together with it, and one line when it is ready.

A process also takes its share of the machine's open files here, before it serves.

``ZPACK_PDEATHSIG=1`` asks for the first; ``ZPACK_PARENT_PID`` names the supervisor, so that one that died
before the program had started is noticed too.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import socket
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


def allow_many_connections() -> None:
    """Raise our limit of open files to what the system allows: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def collect_rarely() -> None:
    """Let the garbage collector pass over what a started server keeps for ever, and look less often.

    A service with thousands of kept connections would otherwise spend a third of its time in it, in pauses of
    a quarter of a second (docs/performance.md). Reference counting frees nearly everything anyway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def say_ready(program: str, **facts: object) -> None:
    """Print the one JSON line that a supervisor waits for, and tell systemd (sd_notify(3)) when it is one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address.startswith(("/", "@")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", address.replace("@", "\0", 1))
    sys.stdout.write(json.dumps({"ready": True, "program": program, **facts}) + "\n")
    sys.stdout.flush()
