"""The real IDE and the real runtimes, made once and kept: `make test-ide`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.chromium import chromium, driven
from tests.support.platform import Platform, lend_artifacts
from tests.support.waiting import eventually
from zpack.artifacts.code_server import prepare_code_server
from zpack.artifacts.dev_runtimes import prepare_runtimes
from zpack.artifacts.folder import ArtifactFolder
from zpack.artifacts.progress import progress_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

SUBNET = "127.96.0.0/16"
CACHE = Path(os.environ.get("ZPACK_IDE_CACHE", Path(__file__).parents[2] / ".cache" / "ide"))


@pytest.fixture(scope="session")
def prepared() -> ArtifactFolder:
    """Built when the sources of the build changed; else as it stands."""
    folder, progress = ArtifactFolder(CACHE), progress_for()
    prepare_runtimes(folder, progress=progress)
    prepare_code_server(folder, progress=progress)
    return folder


@pytest.fixture
async def store_url(prepared: ArtifactFolder) -> AsyncIterator[str]:
    """Served by the product's own artifact server."""
    command = ("-m", "zpack.artifacts", "serve", "--home", str(prepared.root))
    server = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout
    said = await asyncio.wait_for(server.stdout.readline(), 120)
    yield f"http://{json.loads(said)['listen']}"
    server.terminate()
    await server.communicate()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def platform(
    prepared: ArtifactFolder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """As ``zpack up`` makes it, with the IDE and the runtimes in its artifacts."""
    home = tmp_path_factory.mktemp("ide") / "home"
    made = Platform(home, subnet=SUBNET)
    lend_artifacts(home / "artifacts")
    lend(prepared, home)
    async with made:
        yield made
    await eventually(lambda: not made.leftovers(), timeout=20, what="an end without leftovers")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        async with driven(address) as running:
            yield running


def lend(prepared: ArtifactFolder, home: Path) -> None:
    """Link the IDE and the runtimes into a home's artifacts."""
    folder = ArtifactFolder(home / "artifacts")
    with folder.staging("lend") as staging:
        files: dict[str, Path] = {}
        for number, path in enumerate(path for path in prepared.sums() if not path.endswith("_catalog.json")):
            files[path] = staging / str(number)
            os.link(prepared.root / path, files[path])
        folder.publish(files, runtimes=lambda _: prepared.runtimes())
