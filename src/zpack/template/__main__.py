"""``zpack template``: makes the template of containers, and releases of the agent."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from platform import machine
from typing import TYPE_CHECKING

from zpack.template import recipe
from zpack.template.archive import pack, source_date
from zpack.template.furnish import furnish
from zpack.template.release import BuildError, build_wheel, lay_out, version_of
from zpack.template.root import bootstrap, clear, python_of, sources

if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[str], None]

EXAMPLES = """examples:
  zpack template build --artifacts https://artifacts.example.org   an archive for Proxmox's template storage
  zpack template wheel                                             the agent's wheel, in dist/
  zpack template release --python 3.11                             what installed agents update themselves to
"""
TAR = ("tar", "--create", "--numeric-owner", "--xattrs", "--sort=name", "--format=posix",
       "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime")  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """Make the command line."""
    parser = argparse.ArgumentParser(
        prog="zpack template",
        description="Makes what containers are cloned from.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    build = verbs.add_parser("build", help="make an LXC template archive (needs root)")
    build.add_argument("--out", type=Path, default=None, help="the archive (.tar.zst or .tar.gz)")
    build.add_argument("--suite", default=None, help="Debian's suite (this machine's own)")
    build.add_argument("--artifacts", default="", metavar="URL", help="the artifact store's address")
    build.add_argument("--update-mode", default="notify", choices=("off", "notify", "auto"))
    build.add_argument("--wheel", type=Path, default=None, help="a wheel made before (else it is built)")
    wheel = verbs.add_parser("wheel", help="build the agent's wheel")
    wheel.add_argument("--out", type=Path, default=Path("dist"), help="folder (%(default)s)")
    release = verbs.add_parser("release", help="make a release that agents can update to")
    release.add_argument("--out", type=Path, default=Path("dist"), help="folder (%(default)s)")
    release.add_argument("--python", default="3.11", help="the containers' Python (%(default)s)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 with one line of reason, 130 after Ctrl-C."""
    options = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return {"build": _build, "wheel": _wheel, "release": _release}[options.command](options)
    except (BuildError, OSError, ValueError) as error:
        sys.stderr.write(f"zpack template: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("zpack template: broken off; what was begun is removed\n")
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _wheel(options: argparse.Namespace) -> int:
    _tell(build_wheel(options.out))
    return 0


def _release(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="zpack-release-") as made:
        wheel = build_wheel(Path(made) / "wheel")
        version = version_of(wheel)
        lay_out(Path(made) / "release", wheel=wheel, python_version=options.python)
        platform = f"cpython-{options.python.replace('.', '')}-{machine()}"
        target = options.out / f"zlh-agent-{version}-{platform}.tar.gz"
        options.out.mkdir(parents=True, exist_ok=True)
        pack(Path(made) / "release", target)
    _tell(target)
    print(f"put it into the artifact store as agent/{version}/{target.name}")  # noqa: T201 - for people
    return 0


def _build(options: argparse.Namespace) -> int:
    if os.geteuid() != 0:
        raise BuildError(
            "a template's files belong to many users, so building one needs root: run it with sudo"
        )
    began = time.monotonic()

    def report(step: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - began:5.0f} s] {step}\n")

    suite, lines = sources(options.suite)
    settings = recipe.settings(options.artifacts, update_mode=options.update_mode)
    out = options.out or Path(f"zlh-agent-{suite}-{machine()}.tar.zst")
    if not out.name.endswith((".tar.zst", ".tar.gz")):
        raise BuildError(f"{out.name} must end with .tar.zst or .tar.gz, which Proxmox takes")
    work = Path(tempfile.mkdtemp(prefix="zpack-template-"))
    root = work / "root"
    try:
        report(f"Debian {suite}: {len(recipe.PACKAGES)} packages on top of the minimal set")
        bootstrap(root, suite=suite, lines=lines, report=report)
        report("the agent and its dependencies")
        wheel = options.wheel or build_wheel(work / "wheel")
        version, python = version_of(wheel), python_of(root)
        furnish(
            root,
            version=version,
            release=lambda folder: lay_out(folder, wheel=wheel, python_version=python),
            settings=settings,
        )
        report(f"packing {out.name}")
        pack_root(root, out)
    finally:
        clear(root)
        shutil.rmtree(work, ignore_errors=True)
    _tell(out)
    return 0


def pack_root(root: Path, out: Path) -> None:
    """Write a root as Proxmox takes it. Raises :class:`BuildError` and ``OSError``."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.new")
    packer = "zstd -T0 -q -10" if out.name.endswith(".zst") else "gzip -n"
    words = (*TAR, f"--mtime=@{source_date()}", f"--use-compress-program={packer}", "--file", str(beside))
    try:
        done = subprocess.run(
            (*words, "--directory", str(root), "."), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise BuildError(f"the archive cannot be written: {done.stderr.strip()[-300:]}")
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def _tell(path: Path) -> None:
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {checksum}")  # noqa: T201 - the result


if __name__ == "__main__":
    sys.exit(main())
