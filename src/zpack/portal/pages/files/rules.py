"""What a page offers for which path (docs/contracts/files.md). The agent decides; this saves a refusal."""

from __future__ import annotations

from fnmatch import fnmatchcase

WRITES = ("server.properties", "config/?*.toml", "config/?*.json", "config/?*.properties")
DELETES = ("mods-removed/*", "mods-uploaded/*", "logs/?*.log", "logs/?*.log.gz")
UPLOADS = ("mods", "*/datapacks")


def may_write(path: str, *, is_dev: bool) -> bool:
    """Say whether a file may be changed."""
    return is_dev or _among(WRITES, path)


def may_delete(path: str, *, is_dev: bool) -> bool:
    """Say whether a file may be removed."""
    return is_dev or _among(DELETES, path)


def may_upload(folder: str, *, is_dev: bool) -> bool:
    """Say whether files may be uploaded to a folder."""
    return is_dev or _among(UPLOADS, folder)


def _among(patterns: tuple[str, ...], path: str) -> bool:
    return any(p.count("/") == path.count("/") and fnmatchcase(path, p) for p in patterns)
