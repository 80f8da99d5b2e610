"""Small files that are either wholly the old or wholly the new ones, whatever happens while writing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1024 * 1024


def close_home(home: Path) -> None:
    """Make the agent's folder, closed to everyone else whatever it was before. Raises ``OSError``."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)


def write_beside(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file by renaming a finished one over it; a link at ``path`` is replaced, not followed."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_small(path: Path) -> bytes | None:
    """Return a regular file's first MiB, or ``None`` when there is none; links are not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            return file.read(MAX_BYTES)
        except OSError:
            return None


def write_json(path: Path, value: Any, *, mode: int = 0o600) -> None:
    """Write JSON beside and rename."""
    write_beside(path, json.dumps(value, indent=2, sort_keys=True).encode(), mode=mode)


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object, or an empty one when the file is missing or damaged."""
    try:
        value = json.loads(read_small(path) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
