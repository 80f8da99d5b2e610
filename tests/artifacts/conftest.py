"""States of an artifact folder, and a vendor to fetch from."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.artifacts.vendor_counterpart import Counterpart

from zpack.artifacts.__main__ import main
from zpack.artifacts.folder import ArtifactFolder
from zpack.artifacts.node import find_node
from zpack.artifacts.prepare import prepare
from zpack.artifacts.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def jar() -> bytes:
    """A small file that really is a jar."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> ArtifactFolder:
    """An empty artifact folder."""
    return ArtifactFolder(tmp_path / "artifacts")


@pytest.fixture
def run(folder: ArtifactFolder, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Run a command on the folder; gives the exit code and the JSON result, or the error text."""

    def run_command(command: str, *words: str) -> tuple[int, Any]:
        code = main([command, "--home", str(folder.root), "--json", *words])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else err

    return run_command


@pytest.fixture
def vendor() -> Iterator[Counterpart]:
    """An empty vendor; a test puts the answers in."""
    with Counterpart() as counterpart:
        yield counterpart


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ArtifactFolder:
    """A folder with the embedded engine, built once a session, whatever the number of test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    folder = ArtifactFolder(shared / "prepared-artifacts")
    prepare(folder, find_node=find_node, progress=SilentProgress())
    return folder
