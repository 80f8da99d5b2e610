"""A release of the agent: its wheel and its dependencies in one folder, with the program that starts it.

``<release>/zlh-agent`` is the program; ``<release>/lib`` holds everything it imports. As an archive in the
artifact store (``agent/<version>/zlh-agent-<version>-<python>-<machine>.tar.gz``) it is what agents update
themselves to.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import zpack

PROGRAM = "zlh-agent"
START = "zlh-agent-start"
SYSTEM_PYTHON = "/usr/bin/python3"
UV_SECONDS = 600


class BuildError(Exception):
    """Something could not be made; the text says what is missing."""


def checkout() -> Path:
    """Return zpack's source folder. Raises :class:`BuildError` when it was installed without one."""
    folder = Path(zpack.__file__).resolve().parents[2]
    if not (folder / "packaging" / "agent" / "pyproject.toml").is_file():
        raise BuildError("templates and releases are made from a checkout of zpack's repository")
    return folder


def build_wheel(folder: Path) -> Path:
    """Build the agent's wheel into a folder. Raises :class:`BuildError`."""
    folder.mkdir(parents=True, exist_ok=True)
    words = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve()))
    done = subprocess.run(
        words, cwd=checkout() / "packaging" / "agent", capture_output=True, text=True, check=False
    )
    made = sorted(folder.glob("zpack_agent-*.whl"), key=lambda path: path.stat().st_mtime)
    if done.returncode != 0 or not made:
        raise BuildError(f"the agent's wheel cannot be built: {_end(done.stderr)}")
    return made[-1]


def version_of(wheel: Path) -> str:
    """Return the version in a wheel's name."""
    return wheel.name.split("-")[1]


def lay_out(release: Path, *, wheel: Path, python_version: str) -> None:
    """Make a release's folder: the wheel, and its pinned dependencies for that Python.

    Raises :class:`BuildError`.
    """
    lib = release / "lib"
    lib.mkdir(parents=True)
    requirements = checkout() / "requirements" / "agent.txt"
    words = (_uv(), "pip", "install", "--quiet", "--require-hashes")
    words += ("--no-deps", "--only-binary", ":all:", "--link-mode", "copy", "--target", str(lib))
    words += ("--python", sys.executable, "--python-version", python_version, "-r", str(requirements))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=UV_SECONDS)
    if done.returncode != 0:
        raise BuildError(f"the agent's dependencies cannot be installed: {_end(done.stderr)}")
    shutil.rmtree(lib / "bin", ignore_errors=True)  # scripts that name the Python of this machine
    (lib / ".lock").unlink(missing_ok=True)
    add_wheel(lib, wheel)
    write_program(release / PROGRAM, python=SYSTEM_PYTHON)


def add_wheel(lib: Path, wheel: Path) -> None:
    """Unpack a wheel of pure Python. Raises ``OSError``."""
    with zipfile.ZipFile(wheel) as content:
        content.extractall(lib)


def write_program(path: Path, *, python: str) -> None:
    """Write the program that starts the release it lies in, even while ``current`` changes."""
    path.write_text(
        f"#!{python} -I\n"
        "import sys\n"
        "from pathlib import Path\n\n"
        'sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))\n'
        "from zpack.agent.__main__ import main\n\n"
        "sys.exit(main())\n"
    )
    path.chmod(0o755)


def write_start(path: Path, *, wheel_lib: Path, python: str) -> None:
    """Write the script that chooses the release; it stays as it is when releases change."""
    source = (wheel_lib / "zpack" / "agent" / "update" / "start.py").read_text()
    path.write_text(f"#!{python} -IS\n{source}")
    path.chmod(0o755)


def _uv() -> str:
    """Return the installer that `make install` brought, or the machine's. Raises :class:`BuildError`."""
    brought = Path(sys.prefix) / "bootstrap" / "bin" / "uv"
    found = str(brought) if brought.is_file() else shutil.which("uv")
    if found is None:
        raise BuildError("uv is missing: run make install in the checkout, or install uv")
    return found


def _end(text: str) -> str:
    return " ".join(text.split())[-400:]
