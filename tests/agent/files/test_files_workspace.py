"""The second policy: a workspace in which everything may be done, and nothing outside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.agent.bench import Client, serving
from tests.agent.files.world import form

from zpack.agent.app import create_app
from zpack.agent.config.store import Tokens
from zpack.agent.files.actions import Files
from zpack.agent.files.incoming import Incoming
from zpack.agent.files.leftovers import Leftovers
from zpack.agent.files.outgoing import Outgoing
from zpack.agent.files.place import Place
from zpack.agent.files.policy import DEV
from zpack.agent.files.provenance import Provenance
from zpack.agent.files.quota import Quota
from zpack.agent.files.routes import FilesRoutes
from zpack.agent.files.shadow import Shadows
from zpack.agent.files.transfers import TransferLimits, Transfers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass
class Workspace:
    place: Place

    def now(self) -> Place:
        return self.place

    def changing(self) -> Place:
        return self.place


@pytest.fixture
async def dev(tmp_path: Path) -> AsyncIterator[Client]:
    (tmp_path / "root").mkdir()
    leftovers = Leftovers(folder=tmp_path / "home" / "unfinished")
    leftovers.remove()
    shadows = Shadows(leftovers=leftovers, limit=DEV.write_bytes)
    files = Files(provenance=Provenance(leftovers=leftovers), shadows=shadows, leftovers=leftovers)
    transfers = Transfers(limits=TransferLimits())
    routes = FilesRoutes(
        prefix="/dev/files",
        places=Workspace(Place(tmp_path / "root", DEV, Quota(), None)),
        files=files,
        incoming=Incoming(files=files, transfers=transfers),
        outgoing=Outgoing(transfers=transfers),
        folders=True,
    )
    tokens = Tokens(home=tmp_path / "home", from_environment=None)
    app = create_app(tokens=tokens, routes=routes.table())
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield Client(http, url, tmp_path / "home", tmp_path / "root", 0)


async def ask(dev: Client, method: str, verb: str, path: str, data: Any = None) -> int:
    code, _ = await dev.call(method, f"/dev/files{verb}", params={"path": path}, data=data)
    return code


async def test_folders_and_any_file_are_made_and_removed(dev: Client) -> None:
    assert await ask(dev, "POST", "/folder", "src") == 200
    assert await ask(dev, "PUT", "", "src/main.py", b"print()\n") == 201
    assert await ask(dev, "POST", "/upload", "src/data.bin", form(b"data")) == 201
    assert (dev.root / "src" / "main.py").read_text() == "print()\n"
    assert sorted(path.name for path in dev.root.iterdir()) == ["src"]
    assert await ask(dev, "POST", "/folder", "src") == 409
    for to, status in (("src/deep", 400), ("lib", 200)):
        code, _ = await dev.call("POST", "/dev/files/move", params={"path": "src", "to": to})
        assert code == status
    assert await ask(dev, "DELETE", "", "lib") == 200
    assert list(dev.root.iterdir()) == []


@pytest.mark.parametrize("path", ["", "..", "../x", "link/x", "/tmp/x", ".zlh-shadow", "a\nb"])
async def test_a_workspace_ends_at_its_root(dev: Client, path: str) -> None:
    (dev.root / "link").symlink_to(dev.home)
    for method, verb in (("PUT", ""), ("DELETE", ""), ("POST", "/folder")):
        assert await ask(dev, method, verb, path, b"x") == 403
    assert [path.name for path in dev.root.iterdir()] == ["link"]
