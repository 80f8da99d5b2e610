"""Unpacks an archive safely: nothing outside the folder, no devices, within a size and a count.

Run by path as a script by the agent: the list of an archive's members can be many times what an idle agent
may keep in memory, and a killed child leaves nothing running. Also importable.
"""

import sys
import tarfile
from pathlib import Path

MAX_MEMBERS = 500_000
WRONG = 3


class UnpackError(Exception):
    """The archive is not taken."""


def unpack(archive: Path, folder: Path, *, max_bytes: int, max_members: int = MAX_MEMBERS) -> None:
    """Unpack into an existing folder. Raises :class:`UnpackError`."""
    if not hasattr(tarfile, "data_filter"):
        raise UnpackError("this Python cannot unpack safely: 3.11.4 or newer is needed")
    total = count = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                total, count = total + member.size, count + 1
                if total > max_bytes or count > max_members:
                    msg = f"the archive holds more than {max_bytes} bytes or {max_members} files"
                    raise UnpackError(msg)
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:300]  # tarfile's own texts may have many lines
        msg = f"the archive cannot be unpacked: {type(error).__name__}: {why}"
        raise UnpackError(msg) from error
    if not count:
        raise UnpackError("the archive is empty")


def content_root(folder: Path) -> Path:
    """Return where the content begins: an only folder inside is taken as packaging."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink() else folder


def main() -> int:
    """``unpack.py ARCHIVE FOLDER MAX_BYTES``; the reason of a failure goes to stderr."""
    try:
        unpack(Path(sys.argv[1]), Path(sys.argv[2]), max_bytes=int(sys.argv[3]))
    except UnpackError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    return 0


if __name__ == "__main__":
    sys.exit(main())
