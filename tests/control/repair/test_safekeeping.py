"""``zpack backup`` of a running platform, its loss, ``zpack restore``, and what the world says then."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
import tarfile
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.control.repair.mender import Mender


async def zpack(mender: Mender, *words: str) -> tuple[int | None, str]:
    """Run a command as an operator of a platform in production does."""
    pipe, joined = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    command = [sys.executable, "-m", "zpack", *words]
    process = await asyncio.create_subprocess_exec(
        *command, env=mender.environment(), stdout=pipe, stderr=joined
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


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
