"""What a prepared artifact was made from, so that it is made again only when that changed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from zpack.artifacts.checksums import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zpack.artifacts.folder import ArtifactFolder


def key_of(*said: str, files: Iterable[Path]) -> str:
    """Hash words and files: everything that decides what a build contains."""
    state = hashlib.sha256(json.dumps(said).encode())
    for path in files:
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def stands(folder: ArtifactFolder, name: str, *, key: str) -> dict[str, Any] | None:
    """Return the record of a build with this key whose files are all as they were; else None."""
    try:
        record = json.loads(_file(folder, name).read_text("utf-8"))
        files: dict[str, str] = record["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    sums = folder.sums()
    whole = all(
        sums.get(path) == digest
        and (folder.root / path).is_file()
        and digest_of(folder.root / path) == digest
        for path, digest in files.items()
    )
    return record if files and whole and record.get("key") == key else None


def remember(folder: ArtifactFolder, name: str, *, key: str, files: dict[str, str]) -> None:
    """Write the record of a build."""
    _file(folder, name).write_text(json.dumps({"key": key, "files": files}) + "\n", "utf-8")


def _file(folder: ArtifactFolder, name: str) -> Path:
    return folder.root / f".prepared-{name}.json"
