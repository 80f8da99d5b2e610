"""The shape of the packed IDE: what it is started by, and what of an installation it can do without."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LAUNCHER = """\
#!/bin/sh
set -eu
root=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$root/lib/node" "$root/out/node/entry.js" "$@"
"""


def arrange(modules: Path, *, node: Path) -> Path:
    """Turn an installed `node_modules` into a folder that runs by itself, and return it."""
    release = modules.parent / "release"
    (modules / "code-server").rename(release)
    modules.rename(release / "node_modules")
    shutil.copyfile(node, release / "lib" / "node")
    (release / "lib" / "node").chmod(0o755)
    (release / "bin").mkdir()
    launcher = release / "bin" / "code-server"
    launcher.write_text(_LAUNCHER, "utf-8")
    launcher.chmod(0o755)
    return release


def cut_down(root: Path, *, arch: str) -> None:
    """Delete what is only read while building or debugging, and binaries for other systems."""
    for path in list(_dead(root, f"linux-{arch}")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)  # one inside another may be gone already
        else:
            path.unlink(missing_ok=True)


def _dead(root: Path, ours: str) -> Iterator[Path]:
    yield from root.rglob("*.map")
    yield from root.rglob("node_modules/.bin")
    yield from root.rglob("build/Release/obj.target")
    yield from root.rglob("build/Release/.deps")
    yield from root.rglob("build/Release/*.a")
    yield from root.rglob("@vscode/*/deps")
    for binaries in root.rglob("prebuilds"):
        yield from (path for path in binaries.iterdir() if path.is_dir() and path.name != ours)
