"""Makes the engine that runs without any vendor download: flying-squid from npm, pruned, packed and proven.

Quick when nothing changed: the key of a build is a hash of everything that decides its content.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.artifacts import catalog, layout
from zpack.artifacts.checksums import digest_of
from zpack.artifacts.engine_check import check_engine
from zpack.artifacts.npm_install import npm_ci
from zpack.artifacts.prune import prune
from zpack.artifacts.tarball import write_tarball

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.artifacts.catalog import Document
    from zpack.artifacts.folder import ArtifactFolder
    from zpack.artifacts.node import NodeTools
    from zpack.artifacts.progress import Progress

VERSIONS = ("1.21.4", "1.20.4", "1.16.5", "1.8.8")
_HERE = Path(__file__).parent
_ENGINE = _HERE / "engines" / layout.FLYING_SQUID
_ENGINE_FILES = ("package.json", "package-lock.json", "server.js")
_SCRIPTS = ("prune.py", "tarball.py")
_RECORD = ".prepared.json"
_STALE = ".prepare-*"


@dataclass(frozen=True)
class Prepared:
    """What `prepare` left in the folder."""

    versions: list[str]
    sha256: str
    size: int
    built: bool


def build_key(versions: tuple[str, ...]) -> str:
    """Hash everything that decides what a build contains."""
    state = hashlib.sha256(json.dumps(versions).encode())
    for path in [*(_ENGINE / name for name in _ENGINE_FILES), *(_HERE / name for name in _SCRIPTS)]:
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def prepare(
    folder: ArtifactFolder,
    *,
    find_node: Callable[[], NodeTools],
    progress: Progress,
    versions: tuple[str, ...] = VERSIONS,
) -> Prepared:
    """Have the embedded engine in the folder, building it if it is missing or was built from other sources.

    Raises NodeMissingError, InstallError, UnknownVersionError or EngineError; then the folder is as it was.
    """
    with folder.locked("prepare.lock", on_wait=lambda: progress.show("wait for another prepare to finish")):
        key = build_key(versions)
        done = _already(folder, key, versions)
        if done is not None:
            return done
        for stale in folder.root.glob(_STALE):  # of a build that was killed; the lock says that none runs
            shutil.rmtree(stale, ignore_errors=True)
        with folder.staging("prepare") as staging:
            tools = find_node()
            engine = _install(staging, tools, versions, progress)
            asyncio.run(_check(tools, engine, staging, versions, progress))
            prepared = _publish(folder, _pack(engine, staging, progress), versions)
        record = {"key": key, **asdict(prepared)}
        (folder.root / _RECORD).write_text(json.dumps(record) + "\n", "utf-8")
        return prepared


def _already(folder: ArtifactFolder, key: str, versions: tuple[str, ...]) -> Prepared | None:
    try:
        record = json.loads((folder.root / _RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if record.get("key") != key:
        return None
    sums = folder.sums()
    listed = {(entry.variant, entry.version) for entry in catalog.entries(folder.games())}
    for version in versions:
        path = layout.game_path(layout.FLYING_SQUID, version)
        file = folder.root / path
        intact = file.is_file() and sums.get(path) == record["sha256"] == digest_of(file)
        if not intact or (layout.FLYING_SQUID, version) not in listed:
            return None
    return Prepared(list(versions), record["sha256"], record["size"], built=False)


def _install(staging: Path, tools: NodeTools, versions: tuple[str, ...], progress: Progress) -> Path:
    engine = staging / "engine"
    engine.mkdir()
    for name in _ENGINE_FILES:
        shutil.copyfile(_ENGINE / name, engine / name)
    npm_ci(engine, tools=tools, stage="install flying-squid", progress=progress)
    progress.show("prune")
    (engine / "node_modules" / ".package-lock.json").unlink(missing_ok=True)
    prune(engine / "node_modules", versions)
    return engine


async def _check(
    tools: NodeTools, engine: Path, staging: Path, versions: tuple[str, ...], progress: Progress
) -> None:
    for done, version in enumerate(versions):
        progress.show("start each version once", done, len(versions))
        work = staging / f"check-{version}"
        work.mkdir()
        await check_engine(tools.node, engine, version, work)
    progress.show("start each version once", len(versions), len(versions))


def _pack(engine: Path, staging: Path, progress: Progress) -> Path:
    packed = staging / "server.tar.gz"
    write_tarball(engine, packed, lambda done, total: progress.show("pack", done, total))
    return packed


def _publish(folder: ArtifactFolder, packed: Path, versions: tuple[str, ...]) -> Prepared:
    sha256, size = digest_of(packed), packed.stat().st_size
    staged = {layout.game_path(layout.FLYING_SQUID, version): _twin(packed, version) for version in versions}

    def add(document: Document) -> Document:
        return catalog.with_versions(document, layout.GAME, layout.FLYING_SQUID, versions)

    folder.publish(staged, games=add)
    return Prepared(list(versions), sha256, size, built=True)


def _twin(packed: Path, version: str) -> Path:
    twin = packed.with_name(f"{version}.tar.gz")
    try:
        os.link(packed, twin)  # one file under several names: four versions cost the space of one
    except OSError:
        shutil.copyfile(packed, twin)
    return twin
