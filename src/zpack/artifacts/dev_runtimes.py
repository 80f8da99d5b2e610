"""Makes the runtimes of dev containers that need no vendor's download: the wheel's Node.js, and this Python.

Each is packed so that it runs wherever it is unpacked, and is run from another folder before it is taken.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.artifacts import catalog, layout, records
from zpack.artifacts.checksums import digest_of
from zpack.artifacts.node import node_of_wheel
from zpack.artifacts.tarball import write_tarball

if TYPE_CHECKING:
    from zpack.artifacts.catalog import Document
    from zpack.artifacts.folder import ArtifactFolder
    from zpack.artifacts.progress import Progress

_NAME = "runtimes"
_SECONDS = 60
_ORIGIN = b"$ORIGIN/../lib"
_IMPORTS = "import ctypes, decimal, hashlib, json, ssl, sqlite3, venv, zlib, sys; print(sys.prefix)"
_UNPACKED = shutil.ignore_patterns(
    *("__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo", "*.a"),
    "EXTERNALLY-MANAGED",
)


class RuntimeNotMovableError(Exception):
    """A runtime does not run from another folder than its own."""


@dataclass(frozen=True)
class PreparedRuntimes:
    """What `prepare runtimes` left in the folder: runtime and version of each, and their files."""

    runtimes: dict[str, str]
    files: dict[str, str]
    built: bool


def prepare_runtimes(folder: ArtifactFolder, *, progress: Progress) -> PreparedRuntimes:
    """Have the runtimes in the folder and its catalog; raises NodeMissingError, RuntimeNotMovableError."""
    node = node_of_wheel()
    versions = {"node": str(node.major), "python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    key = records.key_of(digest_of(node.node), sys.version, files=[Path(__file__)])
    with folder.locked("prepare.lock", on_wait=lambda: progress.show("wait for another prepare to finish")):
        record = records.stands(folder, _NAME, key=key)
        if record is not None and _listed(folder, versions):
            return PreparedRuntimes(versions, record["files"], built=False)
        with folder.staging(f"prepare-{_NAME}") as staging:
            made = {"node": pack_node(node.root, staging, progress), "python": pack_python(staging, progress)}
            staged = {
                layout.runtime_path(name, version, made[name].name): made[name]
                for name, version in versions.items()
            }
            files = {path: digest_of(file) for path, file in staged.items()}
            folder.publish(staged, runtimes=lambda document: _offered(document, versions))
        records.remember(folder, _NAME, key=key, files=files)
        return PreparedRuntimes(versions, files, built=True)


def pack_node(root: Path, staging: Path, progress: Progress) -> Path:
    """Pack the wheel's Node.js, with npm's programs as the links they are meant to be."""
    tree = staging / "node"
    shutil.copytree(
        root, tree, symlinks=True, ignore=shutil.ignore_patterns("*.py", "*.typed", "__pycache__", "share")
    )
    for program, script in (("npm", "npm-cli.js"), ("npx", "npx-cli.js")):
        link = tree / "bin" / program
        link.unlink(missing_ok=True)
        link.symlink_to(f"../lib/node_modules/npm/bin/{script}")
    (tree / "bin" / "corepack").unlink(missing_ok=True)
    said = _said([str(tree / "bin" / "node"), str(tree / "bin" / "npm"), "--version"])
    progress.show(f"pack node (npm {said})")
    return _packed(tree, staging / "node.tar.gz")


def pack_python(staging: Path, progress: Progress) -> Path:
    """Pack the Python that runs this; raises RuntimeNotMovableError when it cannot live elsewhere."""
    progress.show("pack python")
    base, name = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    tree = staging / "python"
    (tree / "bin").mkdir(parents=True)
    program = tree / "bin" / name
    shutil.copyfile(base / "bin" / name, program)
    program.chmod(0o755)
    look_beside(program, base / "lib")
    for alias in ("python3", "python"):
        (tree / "bin" / alias).symlink_to(name)
    shutil.copytree(base / "lib" / name, tree / "lib" / name, symlinks=True, ignore=_UNPACKED)
    (tree / "lib" / name / "site-packages").mkdir()
    for library in (base / "lib").glob("libpython3*.so*"):
        shutil.copy2(library, tree / "lib" / library.name, follow_symlinks=False)
    if _said([str(program), "-I", "-c", _IMPORTS]) != str(tree):
        raise RuntimeNotMovableError(f"{base} stays where it is: its Python does not find itself elsewhere")
    return _packed(tree, staging / "python.tar.gz")


def look_beside(program: Path, library: Path) -> None:
    """Have a program look for its shared libraries beside itself, where it names their present folder.

    The name is a C string in the file, and the new one is shorter, so nothing moves.
    """
    old = b"\0" + str(library).encode() + b"\0"
    content = program.read_bytes()
    if old in content and len(_ORIGIN) <= len(old) - 2:
        program.write_bytes(content.replace(old, b"\0" + _ORIGIN.ljust(len(old) - 1, b"\0")))


def _said(argv: list[str]) -> str:
    try:
        answer = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            cwd="/",
            env={"HOME": "/nonexistent"},
        )
    except subprocess.CalledProcessError as error:
        raise RuntimeNotMovableError(f"{argv[0]} does not run elsewhere: {error.stderr[-500:]}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeNotMovableError(f"{argv[0]} does not run elsewhere: {error}") from error
    return answer.stdout.strip()


def _packed(tree: Path, target: Path) -> Path:
    write_tarball(tree, target)
    return target


def _listed(folder: ArtifactFolder, versions: dict[str, str]) -> bool:
    listed = {entry["id"]: entry.get("versions", []) for entry in folder.runtimes()["runtimes"]}
    return all(version in listed.get(name, []) for name, version in versions.items())


def _offered(document: Document, versions: dict[str, str]) -> Document:
    for name, version in versions.items():
        document = catalog.with_runtime(document, name, version)
    return document
