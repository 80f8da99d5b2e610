"""Cuts an installed flying-squid down to the Minecraft versions we offer, because 430 of its 500 MB are data.

The data package says itself which file serves which version (`dataPaths.json`), so what stays is computed,
not listed: a version that borrows a file of another keeps that file, and nothing else of the other.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

_DATA = Path("minecraft-data/minecraft-data/data")
# Read at load time whatever version is asked for.
_ALWAYS = (Path("pc/common"), Path("bedrock/common"), Path("dataPaths.json"))
# The world format (prismarine-provider-anvil) loads another version's data by name for these.
_COMPANIONS = {"1.16.5": ("1.16",)}
_DEAD_FOLDERS = frozenset(
    {"test", "tests", "doc", "docs", "example", "examples", ".github", "@types", ".bin"}
)
_DEAD_SUFFIXES = (".map", ".d.ts", ".md.orig")


class UnknownVersionError(ValueError):
    """The installed data package does not know a version that should be kept."""


def needed_files(
    data_paths: dict[str, dict[str, str]], released: list[dict[str, Any]], version: str
) -> set[str]:
    """Name the data files one Minecraft version is served from; raises UnknownVersionError.

    Args:
        data_paths: The `pc` part of `dataPaths.json`: version, then kind of data, then folder.
        released: `protocolVersions.json`, which maps a release to the version that holds its data.
        version: A release, such as 1.8.8.
    """
    majors = [entry["majorVersion"] for entry in released if entry.get("minecraftVersion") == version]
    for name in [version, *majors]:
        if name in data_paths:
            return {f"{folder}/{kind}" for kind, folder in data_paths[name].items()}
    raise UnknownVersionError(f"the installed minecraft-data knows no version {version}")


def prune(modules: Path, versions: tuple[str, ...]) -> None:
    """Delete from a node_modules folder what the given versions never read; raises UnknownVersionError."""
    _prune_data(modules / _DATA, versions)
    for folder in [path for path in modules.rglob("*") if path.is_dir() and path.name in _DEAD_FOLDERS]:
        shutil.rmtree(folder, ignore_errors=True)  # one inside another may be gone already
    for path in modules.rglob("*"):
        if path.is_file() and path.name.endswith(_DEAD_SUFFIXES):
            path.unlink()


def _prune_data(data: Path, versions: tuple[str, ...]) -> None:
    paths = json.loads((data / "dataPaths.json").read_text("utf-8"))["pc"]
    released = json.loads((data / "pc/common/protocolVersions.json").read_text("utf-8"))
    read = [name for version in versions for name in (version, *_COMPANIONS.get(version, ()))]
    needed = set[str]().union(*(needed_files(paths, released, version) for version in read))
    for path in sorted(data.rglob("*"), reverse=True):  # children before their folder
        inside = path.relative_to(data)
        if any(inside == kept or kept in inside.parents for kept in _ALWAYS):
            continue
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif str(inside.with_suffix("")) not in needed:
            path.unlink()
