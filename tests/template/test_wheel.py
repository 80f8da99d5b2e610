"""The agent's wheel: complete in an environment that holds nothing else, and without the rest of zpack."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
import venv
import zipfile
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from zpack.template.release import add_wheel, build_wheel, checkout, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOADED = """
import sys, json
sys.modules.pop("site", None)
from zpack.agent.__main__ import main
names = {name.split(".")[0] if not name.startswith("zpack.") else ".".join(name.split(".")[:2]) for name in sys.modules}
print(json.dumps(sorted(names - set(sys.stdlib_module_names) - {"zpack"})))
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The Python of an environment with the wheel and what it declares, nothing fetched."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    add_wheel(site, wheel)
    for name in needed(_declared(wheel)):
        for file in metadata.distribution(name).files or []:
            if file.parts[0] != ".." and not (site / file.parts[0]).exists():
                (site / file.parts[0]).symlink_to(
                    file.locate().parents[len(file.parts) - 2] if len(file.parts) > 1 else file.locate()
                )
    return folder / "bin" / "python"


def _declared(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as content:
        name = next(n for n in content.namelist() if n.endswith("METADATA"))
        lines = content.read(name).decode().splitlines()
    return [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist")]


def needed(requirements: list[str]) -> set[str]:
    """The names of all that these requirements pull in here."""
    found: set[str] = set()
    todo = list(requirements)
    while todo:
        requirement = Requirement(todo.pop())
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and plain(requirement.name) not in found:
            found.add(plain(requirement.name))
            todo += metadata.requires(requirement.name) or []
    return found


def plain(name: str) -> str:
    """A distribution's name as indexes write it."""
    return name.replace("_", "-").lower()


@pytest.fixture
def agent(python: Path, tmp_path: Path) -> Iterator[str]:
    env = {"ZLH_AGENT_HOST": "127.80.251.1", "ZLH_AGENT_PORT": "0", "ZLH_AGENT_HOME": str(tmp_path / "home"),
           "ZLH_RUNTIME_ROOT": str(tmp_path / "root"), "PATH": "/usr/bin:/bin"}  # fmt: skip
    words = (python, "-I", "-m", "zpack.agent")
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        yield f"http://{json.loads(process.stdout.readline())['listen']}"
        process.terminate()


def ask(url: str, body: Any = None) -> tuple[int, str]:
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_agent_of_the_wheel_serves(agent: str, wheel: Path) -> None:
    assert ask(f"{agent}/health") == (200, "ok")
    assert json.loads(ask(f"{agent}/version")[1]) == {"version": f"v{version_of(wheel)}"}
    code, said = ask(f"{agent}/config", {"vmid": 5001, "container_type": "vm"})
    assert (code, json.loads(said)["error"]) == (400, "unsupported")


def test_it_imports_what_it_declares_and_nothing_else_of_zpack(python: Path, wheel: Path) -> None:
    done = subprocess.run((python, "-I", "-c", LOADED), capture_output=True, text=True, check=True)
    loaded = {
        name.replace("_", "-").lstrip("-") for name in json.loads(done.stdout) if not name.startswith("_")
    }
    loaded = {"backports-zstd" if name == "backports" else name for name in loaded}
    ours = {name for name in loaded if name.startswith("zpack")}
    assert ours <= {"zpack.agent", "zpack.wire", "zpack.lifetime"}
    assert loaded - ours - {"attr", "cython-runtime"} <= needed(_declared(wheel))


def test_it_holds_three_programs_parts_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        parts = {"/".join(name.split("/")[:2]) for name in content.namelist() if name.startswith("zpack/")}
    assert parts == {"zpack/__init__.py", "zpack/agent", "zpack/wire", "zpack/lifetime.py"}


def test_the_lock_pins_exactly_what_the_wheel_needs(wheel: Path) -> None:
    lines = (checkout() / "requirements" / "agent.txt").read_text().splitlines()
    pinned = {
        line.partition("==")[0]: line.split("==")[1].split(" ")[0]
        for line in lines
        if "==" in line and line[0].isalpha()
    }
    assert set(pinned) >= needed(_declared(wheel))
    assert {name: metadata.version(name) for name in needed(_declared(wheel))}.items() <= pinned.items()


def test_a_wheel_is_the_same_twice(tmp_path: Path, wheel: Path) -> None:
    assert build_wheel(tmp_path).read_bytes() == wheel.read_bytes()
    assert sys.version_info >= (3, 11)
