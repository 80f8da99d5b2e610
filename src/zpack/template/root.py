"""A Debian root made by mmdebstrap from the sources that this machine's own apt is configured with."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from zpack.template.archive import source_date
from zpack.template.recipe import PACKAGES
from zpack.template.release import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FIELDS = "$(ORIGIN)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"
END_SECONDS = 20.0
TOOL = "mmdebstrap"


def sources(suite: str | None = None) -> tuple[str, list[str]]:
    """Return the suite and its lines for a sources list, as apt here knows them. Raises :class:`BuildError`.

    Without a suite it is the one that this machine itself runs.
    """
    words = ("apt-get", "indextargets", "--format", FIELDS, "Created-By: Packages")
    try:
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"apt does not say where Debian's packages are: {error}") from error
    return chosen(said.splitlines(), suite)


def chosen(targets: Iterable[str], suite: str | None) -> tuple[str, list[str]]:
    """Choose from apt's targets. Pure. Raises :class:`BuildError`."""
    found = [target.split("|") for target in targets if target.count("|") == FIELDS.count("|")]
    debian = [(code, part, uri) for origin, code, part, uri in found if origin == "Debian" and part == "main"]
    base = [code for code, _, _ in debian if re.fullmatch(r"[a-z]+", code)]
    wanted = suite or (base[0] if base else None)
    if wanted is None:
        raise BuildError("apt on this machine knows no Debian suite; is its sources list empty?")
    ours = [(code, uri) for code, _, uri in debian if code == wanted or code.startswith(f"{wanted}-")]
    if wanted not in {code for code, _ in ours}:
        raise BuildError(f"apt on this machine knows no Debian suite called {wanted}")
    return wanted, [f"deb {uri} {code} main" for code, uri in dict.fromkeys(ours)]


def bootstrap(root: Path, *, suite: str, lines: list[str], report: Callable[[str], None]) -> None:
    """Fill an empty folder with Debian. Raises :class:`BuildError`; ends its child whatever happens."""
    tool = shutil.which(TOOL)
    if tool is None:
        raise BuildError(f"{TOOL} is missing (Debian's package {TOOL})")
    with tempfile.TemporaryDirectory(prefix="zpack-sources-") as folder:
        listed = Path(folder) / "debian.list"  # its name reaches the root, so it is always the same
        listed.write_text("".join(f"{line}\n" for line in lines))
        words = [tool, "--mode=root", "--variant=minbase", "--format=directory"]
        words += [f"--include={','.join(PACKAGES)}", '--aptopt=Apt::Install-Recommends "false"']
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        environment["SOURCE_DATE_EPOCH"] = str(source_date())
        _run([*words, suite, str(root), str(listed)], environment, report)


def python_of(root: Path) -> str:
    """Return the version of the root's Python, as ``3.11``. Raises :class:`BuildError`."""
    link = root / "usr/bin/python3"
    found = re.fullmatch(r"python(3\.\d+)", link.readlink().name) if link.is_symlink() else None
    if found is None:
        raise BuildError("the new root has no Python")
    return found[1]


def _run(words: list[str], environment: dict[str, str], report: Callable[[str], None]) -> None:
    last = ""
    with subprocess.Popen(
        words, env=environment, text=True, errors="replace", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        try:
            assert child.stderr  # noqa: S101 - asked for above
            for line in child.stderr:
                last = line.strip() or last
                if line.startswith("I: "):
                    report(line[3:].strip())
            code = child.wait()
        except BaseException:
            child.send_signal(signal.SIGTERM)  # it unmounts what it mounted
            try:
                child.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
            raise
    if code != 0:
        raise BuildError(f"{TOOL} failed: {last[-400:]}")


def clear(root: Path) -> None:
    """Remove a root, and nothing that is still mounted below it. Raises :class:`BuildError`."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    below = sorted((path for path in mounts if path.startswith(f"{root}/")), reverse=True)
    for path in below:
        subprocess.run(("umount", path), check=False, capture_output=True)
    left = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    if any(path.startswith(f"{root}/") for path in left):
        raise BuildError(f"{root} cannot be removed: something is mounted below it")
    shutil.rmtree(root, ignore_errors=True)
