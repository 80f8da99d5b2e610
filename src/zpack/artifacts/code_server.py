"""Makes the browser IDE of dev containers from npm: installed, cut down, packed with its Node, and proven.

The archive is laid out as those that the code-server project publishes (`bin/code-server`, `lib/node`), so an
operator can put one of theirs in its place.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.artifacts import layout, records
from zpack.artifacts.checksums import digest_of
from zpack.artifacts.code_server_check import check_code_server
from zpack.artifacts.code_server_release import arrange, cut_down
from zpack.artifacts.node import NodeMissingError, NodeTools, node_of_wheel
from zpack.artifacts.npm_install import InstallError, npm_ci
from zpack.artifacts.tarball import write_tarball

if TYPE_CHECKING:
    from zpack.artifacts.folder import ArtifactFolder
    from zpack.artifacts.progress import Progress

NODE_MAJOR = 24
"""With another one npm chooses an older code-server, whose installation downloads programs."""
LIBRARIES = {
    "krb5-gssapi": "libkrb5-dev",
    "x11": "libx11-dev",
    "xkbfile": "libxkbfile-dev",
    "libsecret-1": "libsecret-1-dev",
}
TOOLS = {"pkg-config": "pkg-config", "g++": "g++", "make": "make", "python3": "python3"}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
NODE_ARCH = {"amd64": "x64", "arm64": "arm64"}
_HERE = Path(__file__).parent
_PROJECT = _HERE / "engines" / "code-server"
_PROJECT_FILES = ("package.json", "package-lock.json")
_SCRIPTS = ("code_server_release.py", "tarball.py")
_NAME = "code-server"


@dataclass(frozen=True)
class PreparedIde:
    """What `prepare codeserver` left in the folder."""

    version: str
    path: str
    sha256: str
    size: int
    built: bool


def prepare_code_server(folder: ArtifactFolder, *, progress: Progress) -> PreparedIde:
    """Have the IDE in the folder, building it if it is missing or was built from other sources.

    Raises NodeMissingError, InstallError or IdeError; then the folder is as it was.
    """
    with folder.locked("prepare.lock", on_wait=lambda: progress.show("wait for another prepare to finish")):
        tools = _node()
        version, machine = _version(), MACHINES.get(platform.machine(), platform.machine())
        path = layout.code_server_path(version, machine)
        key = _key(tools, machine)
        record = records.stands(folder, _NAME, key=key)
        if record is not None:
            size = (folder.root / path).stat().st_size
            return PreparedIde(version, path, record["files"][path], size, built=False)
        _check_needs()
        with folder.staging(f"prepare-{_NAME}") as staging:
            packed = _build(staging, tools, machine, progress)
            sha256, size = digest_of(packed), packed.stat().st_size
            folder.publish({path: packed})
        records.remember(folder, _NAME, key=key, files={path: sha256})
        return PreparedIde(version, path, sha256, size, built=True)


def needs() -> list[str]:
    """Name the Debian packages that are missing for a build."""
    missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
    if "pkg-config" in missing:
        return [*missing, *LIBRARIES.values()]
    asked = {name: subprocess.run(["pkg-config", "--exists", name], check=False) for name in LIBRARIES}
    return missing + [LIBRARIES[name] for name, answer in asked.items() if answer.returncode != 0]


def _node() -> NodeTools:
    tools = node_of_wheel()
    if tools.major != NODE_MAJOR or not (tools.root / "include" / "node" / "node.h").is_file():
        raise NodeMissingError(f"code-server needs Node.js {NODE_MAJOR} with its headers, not {tools.major}")
    return tools


def _version() -> str:
    return json.loads((_PROJECT / "package.json").read_text("utf-8"))["dependencies"]["code-server"]


def _key(tools: NodeTools, machine: str) -> str:
    node = digest_of(tools.node)
    files = [*(_PROJECT / name for name in _PROJECT_FILES), *(_HERE / name for name in _SCRIPTS)]
    return records.key_of(node, machine, files=files)


def _check_needs() -> None:
    missing = needs()
    if missing:
        raise InstallError(f"code-server has parts in C++: apt-get install {' '.join(missing)}")


def _build(staging: Path, tools: NodeTools, machine: str, progress: Progress) -> Path:
    project = staging / "project"
    project.mkdir()
    for name in _PROJECT_FILES:
        shutil.copyfile(_PROJECT / name, project / name)
    npm_ci(
        project,
        tools=tools,
        stage="install code-server",
        progress=progress,
        scripts=_script_environment(staging, tools),
        last="node_modules/code-server/lib/vscode/node_modules",
    )
    progress.show("cut down")
    release = arrange(project / "node_modules", node=tools.node)
    cut_down(release, arch=NODE_ARCH.get(machine, machine))
    progress.show("start it once")
    asyncio.run(check_code_server(release, staging / "check"))
    packed = staging / "code-server.tar.gz"
    write_tarball(release, packed, lambda done, total: progress.show("pack", done, total))
    return packed


def _script_environment(staging: Path, tools: NodeTools) -> dict[str, str]:
    """Return what install scripts find: this Node and its npm by name, its headers instead of a download."""
    programs = staging / "bin"
    programs.mkdir()
    (programs / "node").symlink_to(tools.node)
    (programs / "npm").symlink_to(tools.root / "lib/node_modules/npm/bin/npm-cli.js")
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "npm_config_nodedir": str(tools.root),
        "JOBS": "max",
    }
