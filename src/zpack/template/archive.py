"""Reproducible archives: sorted names, one time, and nothing of the machine that made them."""

from __future__ import annotations

import gzip
import os
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = 1_704_067_200
"""The time of everything in an archive, unless SOURCE_DATE_EPOCH names another."""


def source_date() -> int:
    """Return the time that all files get. Raises ``ValueError`` when SOURCE_DATE_EPOCH is no number."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or EPOCH)


def pack(folder: Path, target: Path) -> None:
    """Write a folder's content as ``.tar.gz``, owned by root. Raises ``OSError``."""
    when = source_date()

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = when
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    beside = target.with_name(f".{target.name}.new")
    try:
        with (
            beside.open("wb") as file,
            gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=when) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in sorted(folder.rglob("*")):
                if "__pycache__" not in path.parts:
                    tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=plain)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
