"""``zpack files`` as a process, against the API with a real agent behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Ran, Zpack

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client
    from tests.control.files.conftest import Hers


@pytest.fixture
def zpack(hers: Hers, tmp_path: Path) -> Zpack:
    return Zpack(hers.caller.base, tmp_path)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


async def files(zpack: Zpack, hers: Hers, *words: str) -> Ran:
    assert hers.caller.token
    return await zpack("files", *words, ZPACK_TOKEN=hers.caller.token)


async def test_files_are_listed_printed_and_fetched(hers: Hers, zpack: Zpack, here: Path) -> None:
    listed = await files(zpack, hers, "ls", "5001", "mods", "--json")
    assert json.loads(listed.out)["entries"][0]["name"] == "old.jar"
    assert (await files(zpack, hers, "cat", "5001", "server.properties")).out == "motd=mine\n"
    assert (await files(zpack, hers, "get", "5001", "mods/old.jar", str(here / "x"))).status == 0
    assert [path.name for path in here.iterdir()] == ["x"]
    assert (here / "x").read_text() == "old jar"


async def test_files_are_put_reverted_and_removed(
    hers: Hers, zpack: Zpack, agent: Client, here: Path
) -> None:
    (here / "a").write_text("new")
    assert (await files(zpack, hers, "put", "5001", str(here / "a"), "mods/a.jar")).status == 0
    assert (agent.folder / "mods" / "a.jar").read_text() == "new"
    assert (await files(zpack, hers, "put", "5001", str(here / "a"), "mods/a.jar")).status == 5
    assert (await files(zpack, hers, "put", "5001", str(here / "a"), "config/a.toml", "--edit")).status == 0
    assert (await files(zpack, hers, "revert", "5001", "config/a.toml")).status == 0
    assert (agent.folder / "config" / "a.toml").read_text() == "a = 1\n"
    assert (await files(zpack, hers, "rm", "5001", "logs/latest.log")).status == 0


async def test_what_goes_wrong_is_one_line_and_leaves_no_file(hers: Hers, zpack: Zpack, here: Path) -> None:
    missing = await files(zpack, hers, "get", "5001", "nothing", str(here / "x"))
    assert (missing.status, missing.err.count("\n")) == (4, 1)
    nowhere = await files(zpack, hers, "put", "5001", str(here / "none"), "mods/x.jar")
    assert (nowhere.status, nowhere.err.count("\n")) == (1, 1)
    assert list(here.iterdir()) == []
