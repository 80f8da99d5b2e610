"""The dev side of `prepare`: what is cut away, what is remembered, what is missing. Its whole: tests/ide."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zpack.artifacts import code_server, layout, records
from zpack.artifacts.code_server import needs, prepare_code_server
from zpack.artifacts.code_server_check import IdeError, check_code_server
from zpack.artifacts.code_server_release import cut_down
from zpack.artifacts.dev_runtimes import look_beside, pack_python
from zpack.artifacts.npm_install import InstallError
from zpack.artifacts.progress import SilentProgress

if TYPE_CHECKING:
    from zpack.artifacts.folder import ArtifactFolder

LOCK = Path(code_server.__file__).parent / "engines/code-server/package-lock.json"


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def left(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_what_is_not_read_while_it_runs_is_cut_away(tmp_path: Path) -> None:
    kept = {"out/entry.js", "m/build/Release/x.node", "m/prebuilds/linux-x64/y.node", "@vscode/z/index.js"}
    dead = {
        "out/entry.js.map", "m/build/Release/obj.target/x.o", "m/build/Release/x.a", "m/prebuilds/win32-x64/y.node",
        "m/prebuilds/darwin-arm64/y.node", "@vscode/z/deps/big.c", "node_modules/.bin/tool",
    }  # fmt: skip
    write(tmp_path, *kept, *dead)
    cut_down(tmp_path, arch="x64")
    assert left(tmp_path) == kept


def test_the_lock_pins_everything_by_hash_and_names_no_registry() -> None:
    lock = json.loads(LOCK.read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/code-server"]["version"] == "4.139.1"
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())


def test_without_a_compiler_it_says_what_to_install(
    folder: ArtifactFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert needs() == [
        "pkg-config", "g++", "make", "python3", "libkrb5-dev", "libx11-dev", "libxkbfile-dev", "libsecret-1-dev",
    ]  # fmt: skip
    with pytest.raises(InstallError, match="apt-get install pkg-config"):
        prepare_code_server(folder, progress=SilentProgress())
    assert not [path for path in folder.root.iterdir() if not path.name.endswith("lock")]


def release(tmp_path: Path, script: str) -> Path:
    program = tmp_path / "release/bin/code-server"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return tmp_path / "release"


async def test_an_ide_that_ends_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(IdeError, match="no such module"):
        await check_code_server(release(tmp_path, "echo no such module; exit 7"), tmp_path / "work")


def test_a_record_counts_only_while_its_files_are_as_they_were(
    folder: ArtifactFolder, tmp_path: Path
) -> None:
    path = layout.code_server_path("4.139.1", "amd64")
    write(tmp_path, "staged")
    folder.root.mkdir()
    folder.publish({path: tmp_path / "staged"})
    records.remember(folder, "x", key="k", files={path: folder.sums()[path]})
    assert records.stands(folder, "x", key="k")
    assert records.stands(folder, "x", key="other") is None
    (folder.root / path).write_text("other")
    assert records.stands(folder, "x", key="k") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {}}', "nonsense"])
def test_a_damaged_record_counts_as_none(folder: ArtifactFolder, text: str) -> None:
    folder.root.mkdir()
    (folder.root / ".prepared-x.json").write_text(text)
    assert records.stands(folder, "x", key="k") is None


def test_a_program_looks_beside_itself_and_keeps_its_size(tmp_path: Path) -> None:
    program = tmp_path / "program"
    before = b"\x7fELF\0/opt/python/lib\0/opt/python/lib/more\0"
    program.write_bytes(before)
    look_beside(program, Path("/opt/python/lib"))
    assert program.read_bytes() == b"\x7fELF\0$ORIGIN/../lib\0\0/opt/python/lib/more\0"
    assert len(program.read_bytes()) == len(before)


def test_this_python_is_packed_so_that_it_runs_anywhere(tmp_path: Path) -> None:
    packed = pack_python(tmp_path, SilentProgress())
    elsewhere = tmp_path / "else" / "where"
    elsewhere.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", str(packed), "-C", str(elsewhere)], check=True)
    maps = "print(open('/proc/self/maps').read())"
    said = subprocess.run(
        [elsewhere / "bin/python3", "-c", maps], capture_output=True, text=True, check=True, env={}
    )
    assert str(elsewhere / "bin") in said.stdout
    assert stat.S_IMODE((elsewhere / "bin/python3").stat().st_mode) == 0o755
