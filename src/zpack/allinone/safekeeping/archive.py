"""The archive: a manifest first, then the files that it names, each held to its checksum."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.sql"
HOME_FILES = ("secrets.json", "initial-admin.json", "admin-created")
MANIFEST_LIMIT = 16 << 20
CHUNK = 1 << 20


class BadArchive(Exception):
    """The archive is no backup of ours, or is damaged."""


def described(path: Path) -> dict[str, Any]:
    """Return a file's size and checksum."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def write(target: Path, manifest: dict[str, Any], files: dict[str, Path]) -> None:
    """Write the archive beside its place and rename it: there is a whole one, or none."""
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    whole = {**manifest, "format": FORMAT, "files": {name: described(path) for name, path in files.items()}}
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as archive:
                _add_text(archive, MANIFEST, json.dumps(whole, indent=2))
                for name, path in files.items():
                    archive.add(path, arcname=name, recursive=False, filter=_anonymous)
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def unpack(source: Path, folder: Path) -> dict[str, Any]:
    """Unpack into an empty private folder and return the manifest. Raises BadArchive."""
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            manifest = _manifest(archive)
            for member in archive:
                _unpack_one(archive, member, manifest["files"], folder)
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError) as failure:
        raise BadArchive(f"{source.name} cannot be read as a backup: {failure}") from failure
    missing = [name for name in manifest["files"] if not (folder / name).exists()]
    if missing or DUMP not in manifest["files"]:
        raise BadArchive(f"{source.name} lacks {', '.join(missing) or DUMP}")
    return manifest


def _manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    first = archive.next()
    if first is None or first.name != MANIFEST or first.size > MANIFEST_LIMIT:
        raise BadArchive("it does not begin with a manifest")
    file = archive.extractfile(first)
    found: dict[str, Any] = json.loads(file.read()) if file is not None else {}
    if found.get("format") != FORMAT:
        raise BadArchive(f"its format is {found.get('format')}; this zpack reads {FORMAT}")
    return found


def _unpack_one(
    archive: tarfile.TarFile, member: tarfile.TarInfo, files: dict[str, Any], folder: Path
) -> None:
    if member.name == MANIFEST:
        return
    allowed = {DUMP, *(f"home/{name}" for name in HOME_FILES)}
    if member.name not in allowed or member.name not in files or not member.isreg():
        raise BadArchive(f"it holds {PurePosixPath(member.name).name!r}, which its manifest does not allow")
    file = archive.extractfile(member)
    assert file is not None  # noqa: S101 - a regular member has one
    target = folder / member.name
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        while chunk := file.read(CHUNK):
            copy.write(chunk)
    if described(target) != files[member.name]:
        raise BadArchive(f"{member.name} does not have the checksum that the manifest names")


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:

    data = text.encode()
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    archive.addfile(info, io.BytesIO(data))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info
