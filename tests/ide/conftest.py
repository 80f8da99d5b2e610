"""The real IDE and the real runtimes, made once and kept: `make test-ide`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zpack.artifacts.code_server import prepare_code_server
from zpack.artifacts.dev_runtimes import prepare_runtimes
from zpack.artifacts.folder import ArtifactFolder
from zpack.artifacts.progress import progress_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
    said = await asyncio.wait_for(server.stdout.readline(), 30)
    yield f"http://{json.loads(said)['listen']}"
    server.terminate()
    await server.communicate()
