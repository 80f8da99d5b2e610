"""Unpacks an archive safely: nothing outside the folder, no devices, within a size and a count.

Run by path as a script by the agent: the list of an archive's members can be many times what an idle agent
may keep in memory, a killed child leaves nothing running, and the child gives up the agent's rights before it
reads the archive. Also importable.

``tarfile``'s own filter is not used: Debian 12's Python has none, and those before 3.11.13 and 3.13.4 can be
led outside by links whose targets pass through other links (CVE-2025-4517).
"""

import bz2
import gzip
import lzma
import os
import shutil
import stat
import sys
import tarfile
from pathlib import Path
from typing import IO

MAX_MEMBERS = 500_000
WRONG = 3
READERS = (bz2, gzip, lzma)
"""``tarfile`` imports them when it needs them; after the rights are given up Python may be out of reach."""


class UnpackError(Exception):
    """The archive is not taken."""


def unpack(archive: Path, folder: Path, *, max_bytes: int, max_members: int = MAX_MEMBERS) -> None:
    """Unpack into an existing empty folder. Raises :class:`UnpackError`."""
    with archive.open("rb") as file:
        unpack_file(file, folder, max_bytes=max_bytes, max_members=max_members)


def unpack_file(file: IO[bytes], folder: Path, *, max_bytes: int, max_members: int = MAX_MEMBERS) -> None:
    """Unpack an archive that is already open. Raises :class:`UnpackError`."""
    total = count = 0
    try:
        with tarfile.open(fileobj=file, mode="r:*") as tar:
            for member in tar:
                total, count = total + max(member.size, 0), count + 1
                if total > max_bytes or count > max_members:
                    msg = f"the archive holds more than {max_bytes} bytes or {max_members} files"
                    raise UnpackError(msg)
                _place(tar, member, folder)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        why = " ".join(str(error).split())[:300]  # tarfile's own texts may have many lines
        msg = f"the archive cannot be unpacked: {type(error).__name__}: {why}"
        raise UnpackError(msg) from error
    if not count:
        raise UnpackError("the archive is empty")


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    parts = _parts(member.name)
    if not parts:
        return
    if member.isdir():
        _folders(folder, parts)
        return
    target = _folders(folder, parts[:-1]) / parts[-1]
    if target.is_symlink() or target.is_file():
        target.unlink()  # a later member of the same name stands in for the earlier
    if member.issym():
        target.symlink_to(_beneath(member.linkname, depth=len(parts) - 1))
    elif member.islnk():
        target.hardlink_to(_regular(folder, _parts(member.linkname)))
    elif member.isreg():
        with target.open("xb") as file:
            shutil.copyfileobj(_content(tar, member), file)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        msg = f"{member.name[:200]!r} is neither a file, a folder nor a link"
        raise UnpackError(msg)


def _parts(name: str) -> list[str]:
    """Return a path below the folder, piece by piece. Raises :class:`UnpackError` when it would lead out."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        msg = f"{name[:200]!r} would lie outside the folder"
        raise UnpackError(msg)
    return parts


def _folders(folder: Path, parts: list[str]) -> Path:
    """Make folders, passing no link on the way."""
    for part in parts:
        folder /= part
        try:
            folder.mkdir(mode=0o755)
        except FileExistsError:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                msg = f"{part[:200]!r} is a link or a file, and something would lie in it"
                raise UnpackError(msg) from None
    return folder


def _beneath(link: str, *, depth: int) -> str:
    """Return a link's target. Only leading ``..`` are taken: after a name they might follow another link."""
    parts = [part for part in link.split("/") if part not in {"", "."}]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if link.startswith("/") or not link or up > depth or ".." in parts[up:]:
        msg = f"a link to {link[:200]!r} would lead outside the folder"
        raise UnpackError(msg)
    return link


def _regular(folder: Path, parts: list[str]) -> Path:
    """Return the file that a hard link names; it was unpacked before, and no link leads to it."""
    for part in parts:
        folder /= part
        if folder.is_symlink():
            msg = f"{part[:200]!r} is a link, and a file's second name would follow it"
            raise UnpackError(msg)
    return folder


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        msg = f"{member.name[:200]!r} has no content"
        raise UnpackError(msg)
    return content


def content_root(folder: Path) -> Path:
    """Return where the content begins: an only folder inside is taken as packaging."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink() else folder


def _become(words: str) -> None:
    uid, gid, _ = (int(word) for word in words.split(":"))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def main() -> int:
    """``unpack.py ARCHIVE FOLDER MAX_BYTES UID:GID:PROCESSES|-``; a failure's reason goes to stderr."""
    archive, folder, max_bytes, user = sys.argv[1:]
    try:
        with Path(archive).open("rb") as file:
            if user != "-":
                _become(user)
            os.umask(0o022)
            unpack_file(file, Path(folder), max_bytes=int(max_bytes))
    except (UnpackError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    return 0


if __name__ == "__main__":
    sys.exit(main())
