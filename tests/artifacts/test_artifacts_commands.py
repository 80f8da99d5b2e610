"""The commands as an operator types them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from zpack.artifacts.__main__ import build_parser, main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.artifacts.vendor_counterpart import Counterpart

    from zpack.artifacts.folder import ArtifactFolder

Run = "Callable[..., tuple[int, Any]]"


@pytest.fixture
def jar_file(tmp_path: Path, jar: bytes) -> Path:
    path = tmp_path / "paper.jar"
    path.write_bytes(jar)
    return path


def test_add_list_verify(run: Run, jar_file: Path, jar: bytes) -> None:
    code, taken = run("add", str(jar_file), "--variant", "paper", "--version", "1.21.4")
    assert (code, taken["path"]) == (0, "minecraft/paper/1.21.4/server.jar")
    assert taken["sha256"] == hashlib.sha256(jar).hexdigest()
    _, listed = run("list")
    assert [(row["variant"], row["version"], row["size"]) for row in listed["games"]] == [
        ("paper", "1.21.4", len(jar))
    ]
    assert run("verify") == (0, {"ok": True, "files": 3, "findings": []})


def test_verify_ends_with_1_after_a_flipped_byte(run: Run, jar_file: Path, folder: ArtifactFolder) -> None:
    _, taken = run("add", str(jar_file), "--variant", "paper", "--version", "1.21.4")
    file = folder.root / taken["path"]
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    code, result = run("verify")
    assert (code, result["findings"]) == (1, [{"path": taken["path"], "problem": "changed"}])


def test_add_java_and_a_runtime(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / "some.tar.gz"
    archive.write_bytes(b"\x1f\x8b" + bytes(20))
    assert run("add", str(archive), "--java", "21")[1]["path"] == "java/21/OpenJDK21.tar.gz"
    run("add", str(archive), "--runtime", "node", "--version", "24")
    _, listed = run("list")
    assert (listed["runtimes"], listed["java"]) == (
        [{"runtime": "node", "version": "24"}],
        ["java/21/OpenJDK21.tar.gz"],
    )


def test_a_variant_of_ones_own_needs_a_file_name(run: Run, jar_file: Path) -> None:
    code, error = run("add", str(jar_file), "--variant", "quilt", "--version", "1.21.4")
    assert (code, "give one" in error) == (1, True)
    assert (
        run("add", str(jar_file), "--variant", "quilt", "--version", "1.21.4", "--name", "quilt.jar")[0] == 0
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--variant", "paper", "--version", "1.21.4", "--sha256", "0" * 64], "promised was"),
        (["--variant", "paper", "--version", "1.21.4", "--sha256", "short"], "not a sha256"),
        (["--variant", "paper", "--version", "../../x"], "not usable as a name"),
        (["--variant", "flying-squid", "--version", "1.21.4"], "not packed as .gz"),
        (["--variant", "paper"], "--version"),
        (["--version", "1.21.4"], "--variant"),
    ],
)
def test_a_refused_file_leaves_nothing(
    run: Run, jar_file: Path, folder: ArtifactFolder, words: list[str], reason: str
) -> None:
    code, error = run("add", str(jar_file), *words)
    assert (code, reason in error) == (1, True)
    assert not folder.root.exists() or list(folder.root.iterdir()) == []


def test_an_error_page_is_not_taken_for_a_jar(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.jar"
    page.write_text("<html>Not found</html>")
    code, error = run("add", str(page), "--variant", "paper", "--version", "1.21.4")
    assert (code, "not a jar archive" in error) == (1, True)


def test_a_missing_file_is_said(run: Run) -> None:
    code, error = run("add", "/nowhere/x.jar", "--variant", "paper", "--version", "1.21.4")
    assert (code, "No such file" in error) == (1, True)


def test_add_from_an_address(run: Run, vendor: Counterpart, jar: bytes) -> None:
    vendor.answers["/x.jar"] = jar
    code, taken = run("add", f"{vendor.url}/x.jar", "--variant", "paper", "--version", "1.21.4")
    assert (code, taken["source"]) == (0, f"{vendor.url}/x.jar")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://example.invalid/x.jar", "only HTTPS"),
        ("ftp://127.0.0.1/x.jar", "only HTTPS"),
        ("https://user@example.invalid/x.jar", "without a user"),
        ("file:///etc/hostname", "only HTTPS"),
    ],
)
def test_only_https_addresses_are_fetched(run: Run, address: str, reason: str) -> None:
    code, error = run("add", address, "--variant", "paper", "--version", "1.21.4")
    assert (code, reason in error) == (1, True)


def test_progress_goes_to_stderr_and_the_result_to_stdout(tmp_path: Path, jar_file: Path) -> None:
    command = [sys.executable, "-m", "zpack.artifacts", "add", str(jar_file), "--home", str(tmp_path / "a")]
    done = subprocess.run(
        [*command, "--variant", "paper", "--version", "1.21.4"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "copy paper.jar" in done.stderr
    assert done.stdout.startswith("added minecraft/paper/1.21.4/server.jar  sha256 ")


def test_the_folder_is_below_zpack_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(os.environ, "ZPACK_HOME", str(tmp_path))
    assert build_parser().parse_args(["list"]).home == tmp_path / "artifacts"


@pytest.mark.parametrize("command", ["add", "list", "verify", "mirror", "prepare", "serve"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert (ended.value.code, "--home" in capsys.readouterr().out) == (0, True)
