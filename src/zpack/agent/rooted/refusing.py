"""Says in our words what the system says about a path."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from zpack.agent.problems import Conflict
from zpack.agent.rooted.paths import Denied, Exists, Full, Missing, NotAFile, OutsideRoot

if TYPE_CHECKING:
    from collections.abc import Generator

    from zpack.agent.problems import Refusal

IN_USE = frozenset({errno.ENOTEMPTY, errno.EBUSY, errno.ETXTBSY})
REFUSALS: dict[int, tuple[type[Refusal], str]] = {
    errno.ENOENT: (Missing, "there is no such file or folder"),
    errno.ENOTDIR: (Missing, "there is no such file or folder"),
    errno.ELOOP: (OutsideRoot, "a link is in the way, and links are not followed"),
    errno.EXDEV: (OutsideRoot, "the path leads out of the folder"),
    errno.ENAMETOOLONG: (OutsideRoot, "the path is too long"),
    errno.EILSEQ: (OutsideRoot, "the file system does not take this name"),
    errno.EEXIST: (Exists, "it exists already"),
    errno.EISDIR: (NotAFile, "it is a folder"),
    errno.ENXIO: (NotAFile, "it is no regular file"),
    errno.EACCES: (Denied, "the agent may not do this here"),
    errno.EPERM: (Denied, "the agent may not do this here"),
    errno.EROFS: (Denied, "the file system is read-only"),
    errno.ENOSPC: (Full, "the disk is full"),
    errno.EDQUOT: (Full, "the disk quota is used up"),
}


@contextlib.contextmanager
def refusing() -> Generator[None]:
    """Turn what the system says about a path into our refusals; anything else stays an ``OSError``."""
    try:
        yield
    except OSError as error:
        if error.errno in IN_USE:
            raise Conflict("it is in use, or not empty", code="in_use") from error
        refusal, message = REFUSALS.get(error.errno or 0, (None, ""))
        if refusal is None:
            raise
        raise refusal(message) from error
