"""``zpack backup`` of a running platform, its loss, ``zpack restore``, and what the world says then."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import tarfile
from typing import TYPE_CHECKING

from sqlalchemy import text

from zpack.allinone.postgres import EmbeddedPostgres
from zpack.control.db.migrations import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.control.repair.mender import Mender


async def ran(environment: dict[str, str], *words: str) -> tuple[int | None, str]:
    pipe, joined = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    command = [sys.executable, "-m", "zpack", *words]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=joined)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def zpack(mender: Mender, *words: str) -> tuple[int | None, str]:
    """Run a command as an operator of a platform in production does."""
    return await ran(mender.environment(), *words)


async def test_what_was_backed_up_comes_back(mender: Mender, tmp_path: Path) -> None:
    home, archive = tmp_path / "home", tmp_path / "zpack.tar.gz"
    home.mkdir()
    (home / "secrets.json").write_text(json.dumps({"edge_secret": "kept"}))
    status, said = await zpack(mender, "backup", str(archive), "--home", str(home))
    assert status == 0, said
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    await mender.world.created(5002)
    refused, said = await zpack(mender, "restore", str(archive), "--home", str(home))
    assert (refused, "--force" in said) == (1, True)
    async with mender.world.clients.database.transaction() as session:
        await session.execute(text("drop table instances cascade"))
    (home / "secrets.json").unlink()
    status, said = await zpack(mender, "restore", str(archive), "--home", str(home), "--force")
    assert status == 0, said
    assert "container_without_row 5002" in said
    assert (await mender.world.left())["rows"] == [5000, 5001]
    assert json.loads((home / "secrets.json").read_text()) == {"edge_secret": "kept"}


async def test_a_damaged_archive_touches_nothing(mender: Mender, tmp_path: Path) -> None:
    archive, damaged = tmp_path / "zpack.tar.gz", tmp_path / "damaged.tar.gz"
    assert (await zpack(mender, "backup", str(archive), "--home", str(tmp_path)))[0] == 0
    with tarfile.open(archive) as whole:
        whole.extractall(tmp_path / "in", filter="data")
    with (tmp_path / "in" / "database.sql").open("a") as dump:
        dump.write("drop table instances;\n")
    with tarfile.open(damaged, "w:gz") as out:
        for name in ("manifest.json", "database.sql"):
            out.add(tmp_path / "in" / name, arcname=name)
    status, said = await zpack(mender, "restore", str(damaged), "--home", str(tmp_path), "--force")
    assert (status, "checksum" in said) == (1, True), said
    assert (await mender.world.left())["rows"] == [5000, 5001]


async def test_an_embedded_platform_comes_back_in_another_home(tmp_path: Path) -> None:
    first, second, archive = tmp_path / "first", tmp_path / "second", tmp_path / "zpack.tar.gz"
    tmp_path.chmod(0o711)
    first.mkdir()
    server = EmbeddedPostgres(folder=first / "pg", log=tmp_path / "log")
    await server.start()
    await asyncio.to_thread(migrate, server.url)
    environment = {"PATH": os.environ["PATH"]}
    status, said = await ran(environment, "backup", str(archive), "--home", str(first))
    await server.stop()
    assert status == 0, said
    status, said = await ran(environment, "restore", str(archive), "--home", str(second))
    assert status == 0, said
    assert "zpack admin drift list" in said
    assert (await ran(environment, "backup", str(tmp_path / "again"), "--home", str(second)))[0] == 0
    status, said = await ran(environment, "backup", str(tmp_path / "no"), "--home", str(tmp_path / "nothing"))
    assert (status, "no platform" in said) == (1, True)
