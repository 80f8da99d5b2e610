"""What stands below the code: the interpreter, the locks, the HTTP client, the migrations' settings.

Whether a dependency has a known hole is asked of a database on the network, which a test must not do; what a test
can hold of S3 is that everything is locked by hash, so that an audit speaks of what is installed.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
HTTP_CLIENTS = {"requests", "httpx", "urllib3", "http.client", "urllib.request", "pycurl", "niquests"}


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.seed("S1")
def test_the_interpreter_s_baseline_is_said_and_kept() -> None:
    least = str(project()["requires-python"]).removeprefix(">=")
    assert sys.version_info >= tuple(int(part) for part in least.split("."))


@pytest.mark.seed("S1", "S3")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_dependency_is_locked_by_version_and_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n", "", lock.read_text()))
    loose = [text.split("\n")[0] for text in entries if text.strip() and not text.startswith(("#", "--"))]
    assert loose
    assert [line for line in loose if not re.match(r"[\w.\[\]-]+==\S+", line)] == []
    assert all("--hash=sha256:" in text for text in entries if "==" in text)


@pytest.mark.seed("S3")
def test_the_project_adds_no_dependency_of_its_own_to_the_locks() -> None:
    assert "dependencies" not in project()


@pytest.mark.seed("S2")
def test_one_http_client_is_used() -> None:
    using = {path.name for path in (ROOT / "src").rglob("*.py") if HTTP_CLIENTS & imported(path)}
    assert using == set()


@pytest.mark.seed("S4")
def test_the_migrations_are_configured_by_the_program_alone() -> None:
    assert not list(ROOT.glob("alembic.ini"))
    assert "alembic" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
