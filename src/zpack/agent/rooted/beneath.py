"""Opens a path beneath an open folder, following no link anywhere: by one system call, or step by step.

``openat2`` does the whole walk inside the kernel (Linux 5.6). Where it does not exist, or a container's
filter refuses it, every folder on the way is opened by its name in the one before and looked at through the
descriptor: what an attacker renames meanwhile is no longer asked.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

OPENAT2 = 437
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
TRIES = 64
ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW
_LIBC = ctypes.CDLL(None, use_errno=True)


class Open(Protocol):
    """Opens ``names`` beneath the descriptor ``root``. Raises ``OSError``; a link on the way is ``ELOOP``."""

    def __call__(self, root: int, names: Sequence[str], flags: int, mode: int = 0) -> int:
        """Return a new descriptor."""
        ...


class OpenHow(ctypes.Structure):
    """``struct open_how`` of ``linux/openat2.h``."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("flags", "mode", "resolve")]


def by_kernel(root: int, names: Sequence[str], flags: int, mode: int = 0) -> int:
    """Open with ``openat2``; under endless renames by somebody else, step by step."""
    how = OpenHow(flags | ALWAYS, mode if flags & os.O_CREAT else 0, RESOLVE)
    # With "." behind it a folder's own name is not the last one, which O_PATH would let be a link.
    path = os.fsencode("/".join((*names, ".") if flags & os.O_DIRECTORY or not names else names))
    for _ in range(TRIES):
        found = _LIBC.syscall(OPENAT2, root, path, ctypes.byref(how), ctypes.sizeof(how))
        if found >= 0:
            return found
        number = ctypes.get_errno()
        if number not in {errno.EAGAIN, errno.EINTR}:
            raise OSError(number, os.strerror(number))
    return by_steps(root, names, flags, mode)


def by_steps(root: int, names: Sequence[str], flags: int, mode: int = 0) -> int:
    """Open one name after the other, each in the folder that the one before turned out to be."""
    whole_way = bool(flags & os.O_DIRECTORY) or not names
    *folders, last = (*names, ".") if whole_way else names
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | ALWAYS, dir_fd=root)
    try:
        for name in folders:
            here = _step(here, name)
        return os.open(last, flags | ALWAYS, mode, dir_fd=here)
    finally:
        os.close(here)


def _step(here: int, name: str) -> int:
    there = os.open(name, os.O_PATH | ALWAYS, dir_fd=here)
    kind = os.fstat(there).st_mode
    if not stat.S_ISDIR(kind):
        os.close(there)
        number = errno.ELOOP if stat.S_ISLNK(kind) else errno.ENOTDIR
        raise OSError(number, os.strerror(number))
    os.close(here)
    return there


@functools.cache
def best() -> Open:
    """Return what this kernel can do, found out by trying."""
    top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        os.close(by_kernel(top, (), os.O_PATH))
    except OSError:
        return by_steps
    finally:
        os.close(top)
    return by_kernel
