"""The last thing before a workload: takes its rights away, makes it die with the agent, then becomes it.

Run by path as a script (``python -I -S launch.py <parent's pid or 0> <uid:gid:processes or -> <argv…>``),
because what it does must happen in the child: a hook between fork and exec would run in a copy of the agent,
with its threads' locks held.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CANNOT_START = 127


def become(words: str) -> None:
    """Become another user for good, with a limit on its processes. Raises ``OSError``."""
    uid, gid, processes = (int(word) for word in words.split(":"))
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    if os.isatty(0):
        os.fchown(0, uid, gid)  # its terminal: it may open /dev/stderr again
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.umask(0o027)


def main() -> None:
    """Drop rights, set the parent-death signal, restore what Python changed, and exec."""
    parent, user, argv = int(sys.argv[1]) or os.getppid(), sys.argv[2], sys.argv[3:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if user != "-":
            become(user)
        # After the change of user, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(CANNOT_START)  # the agent died before the call above
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606 - there is no shell here, and that is wanted
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot start {argv[0]}: {getattr(error, 'strerror', None) or error}\n")
        sys.stderr.flush()
        os._exit(CANNOT_START)


if __name__ == "__main__":
    main()
