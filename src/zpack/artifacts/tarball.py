"""Writes the same bytes for the same folder, so that an artifact's checksum speaks of its content only."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LEVEL = 6


def write_tarball(folder: Path, target: Path, on_file: Callable[[int, int], None] | None = None) -> None:
    """Write a folder's content as a gzipped tar: sorted, owned by root, no times, two file modes only.

    Args:
        folder: What to pack; links inside it are kept as links.
        target: The file to write.
        on_file: Told the number of files packed and the number of all.
    """
    members = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for done, path in enumerate(members, start=1):
            _add(tar, path, path.relative_to(folder).as_posix())
            if on_file is not None:
                on_file(done, len(members))


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tar.gettarinfo(str(path), arcname=name)
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = 0
    executable = info.isdir() or bool(info.mode & 0o100)
    info.mode = 0o755 if executable else 0o644
    if info.islnk():
        # Two names of one file: whichever comes first would differ with the file system's order of links.
        info.type, info.size = tarfile.REGTYPE, path.stat().st_size
    if not info.isreg():
        tar.addfile(info)
        return
    with path.open("rb") as content:
        tar.addfile(info, content)
