"""What each command does with its options; results go to stdout, progress to stderr."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import platformdirs

from zpack.artifacts import catalog, layout
from zpack.artifacts.catalog import CatalogError
from zpack.artifacts.checksums import Checksum, ChecksumError, MismatchError
from zpack.artifacts.code_server import prepare_code_server
from zpack.artifacts.code_server_check import IdeError
from zpack.artifacts.dev_runtimes import RuntimeNotMovableError, prepare_runtimes
from zpack.artifacts.engine_check import EngineError
from zpack.artifacts.fetch import Allowed, Fetcher, FetchError
from zpack.artifacts.folder import ArtifactFolder
from zpack.artifacts.intake import Mirror, Place, WrongFormError, take_file, take_url
from zpack.artifacts.layout import BadNameError
from zpack.artifacts.node import NodeMissingError, find_node
from zpack.artifacts.npm_install import InstallError
from zpack.artifacts.prepare import prepare
from zpack.artifacts.progress import progress_for
from zpack.artifacts.prune import UnknownVersionError
from zpack.artifacts.resolvers.model import ResolveError
from zpack.artifacts.resolvers.vendors import VENDORS, setting_name
from zpack.artifacts.server import serve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from zpack.artifacts.catalog import Document
    from zpack.artifacts.folder import Change
    from zpack.artifacts.intake import Taken
    from zpack.artifacts.progress import Progress
    from zpack.artifacts.resolvers.model import Download

FAILURES = (
    BadNameError,
    CatalogError,
    ChecksumError,
    EngineError,
    FetchError,
    IdeError,
    InstallError,
    MismatchError,
    NodeMissingError,
    OSError,
    ResolveError,
    RuntimeNotMovableError,
    UnknownVersionError,
    WrongFormError,
)


def user_home() -> Path:
    """Give the folder for data where ZPACK_HOME is not set."""
    return platformdirs.user_data_path("zpack")


def run(options: argparse.Namespace) -> int:
    """Run the command that was chosen; raises one of FAILURES."""
    chosen: dict[str, Callable[[argparse.Namespace], int]] = {
        "add": add,
        "list": list_all,
        "verify": verify,
        "mirror": mirror,
        "prepare": prepare_parts,
        "serve": serve_folder,
    }
    return chosen[options.command](options)


def add(options: argparse.Namespace) -> int:
    """Take a file or an address into the store."""
    folder, place = ArtifactFolder(options.home), _place(options)
    checksum = Checksum.parse("sha256", options.sha256) if options.sha256 else None
    with closing(progress_for()) as progress:
        if "://" not in options.source:
            taken = take_file(folder, place, Path(options.source), checksum=checksum, progress=progress)
        else:
            hosts = frozenset({urlsplit(options.source).netloc, *options.allow_host})

            async def fetch() -> Taken:
                async with Fetcher(Allowed(hosts)) as fetcher:
                    return await take_url(
                        folder, place, options.source, checksum=checksum, fetcher=fetcher, progress=progress
                    )

            taken = asyncio.run(fetch())
    _answer(options, asdict(taken), f"added {taken.path}  sha256 {taken.sha256}")
    return 0


def list_all(options: argparse.Namespace) -> int:
    """Show what can be chosen, and what of it is there."""
    folder = ArtifactFolder(options.home)
    sums, rows = folder.sums(), list[dict[str, Any]]()
    for entry in catalog.entries(folder.games()):
        prefix = f"{entry.game}/{entry.variant}/{entry.version}/"
        files = sorted(path for path in sums if path.startswith(prefix) and (folder.root / path).is_file())
        size = sum((folder.root / path).stat().st_size for path in files)
        rows.append({**asdict(entry), "files": files, "size": size})
    runtimes = [
        {"runtime": runtime["id"], "version": version}
        for runtime in folder.runtimes()["runtimes"]
        for version in runtime.get("versions", [])
    ]
    java = sorted(path for path in sums if path.startswith("java/"))
    text = [f"{row['game']:12}{row['variant']:14}{row['version']:10}{row['size']:>12,} bytes" for row in rows]
    text += [f"{'runtime':12}{row['runtime']:14}{row['version']:10}" for row in runtimes]
    text += [f"{'java':12}{path}" for path in java]
    body = {"home": str(folder.root), "games": rows, "runtimes": runtimes, "java": java}
    _answer(options, body, "\n".join(text) or f"nothing in {folder.root}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Hash everything again; 1 if anything is not as listed."""
    folder = ArtifactFolder(options.home)
    with closing(progress_for()) as progress:
        found = folder.verify(lambda done, total: progress.show("verify", done, total))
    count = len(folder.sums())
    text = (
        "\n".join(f"{finding.problem}: {finding.path}" for finding in found) or f"{count} files are as listed"
    )
    _answer(
        options, {"ok": not found, "files": count, "findings": [asdict(finding) for finding in found]}, text
    )
    return 1 if found else 0


def mirror(options: argparse.Namespace) -> int:
    """Fetch versions of a variant from its vendor."""
    vendor = VENDORS[options.variant]
    override = options.base_url or os.environ.get(setting_name(vendor.variant))
    build = layout.checked(options.build) if options.build else None
    done: list[dict[str, Any]] = []

    def place(found: Download) -> Place:
        path = layout.game_path(vendor.variant, found.version)
        return Place(path, games=_with_version(layout.GAME, vendor.variant, found.version))

    with closing(progress_for()) as progress:
        taker = Mirror(ArtifactFolder(options.home), progress, options.contact)
        for version in options.versions:
            work = taker.take(vendor, layout.checked(version), build=build, override=override, place=place)
            found, taken = asyncio.run(work)
            done.append(
                {
                    "version": found.version,
                    "build": found.build,
                    "verified": bool(found.checksum),
                    **asdict(taken),
                }
            )
            if found.checksum is None:
                sys.stderr.write(
                    f"note: {vendor.variant} publishes no checksum; the file came over HTTPS unchecked\n"
                )
    _answer(options, {"mirrored": done}, "\n".join(f"{row['path']}  sha256 {row['sha256']}" for row in done))
    return 0


def prepare_parts(options: argparse.Namespace) -> int:
    """Make what was named, if it is missing or out of date."""
    chosen = {"engine": _prepare_engine, "codeserver": _prepare_code_server, "runtimes": _prepare_runtimes}
    with closing(progress_for()) as progress:
        body, text = chosen[options.what](ArtifactFolder(options.home), progress)
    state = "built" if body["built"] else "already there"
    _answer(options, body, f"{text}: {state}")
    return 0


def _prepare_engine(folder: ArtifactFolder, progress: Progress) -> tuple[dict[str, Any], str]:
    prepared = prepare(folder, find_node=find_node, progress=progress)
    return asdict(prepared), f"flying-squid {', '.join(prepared.versions)} ({prepared.size:,} bytes)"


def _prepare_code_server(folder: ArtifactFolder, progress: Progress) -> tuple[dict[str, Any], str]:
    prepared = prepare_code_server(folder, progress=progress)
    return asdict(prepared), f"code-server {prepared.version} ({prepared.size:,} bytes)"


def _prepare_runtimes(folder: ArtifactFolder, progress: Progress) -> tuple[dict[str, Any], str]:
    prepared = prepare_runtimes(folder, progress=progress)
    return asdict(prepared), ", ".join(f"{name} {version}" for name, version in prepared.runtimes.items())


def serve_folder(options: argparse.Namespace) -> int:
    """Serve the folder until a signal comes."""
    asyncio.run(serve(options.home, host=options.host, port=options.port))
    return 0


def _place(options: argparse.Namespace) -> Place:
    if options.java is not None:
        return Place(layout.java_path(options.java))
    if options.version is None:
        raise BadNameError("say which --version this is")
    if options.runtime is not None:
        path = layout.runtime_path(options.runtime, options.version, options.source)

        def with_runtime(document: Document) -> Document:
            return catalog.with_runtime(document, options.runtime, options.version)

        return Place(path, runtimes=with_runtime)
    if options.variant is None:
        raise BadNameError("say what this is: --variant, --java or --runtime")
    path = layout.game_path(options.variant, options.version, game=options.game, file_name=options.name)
    return Place(path, games=_with_version(options.game, options.variant, options.version))


def _with_version(game: str, variant: str, version: str) -> Change:
    def change(document: Document) -> Document:
        return catalog.with_versions(document, game, variant, [version])

    return change


def _answer(options: argparse.Namespace, body: dict[str, Any], text: str) -> None:
    sys.stdout.write((json.dumps(body) if options.json else text) + "\n")
