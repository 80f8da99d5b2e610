"""Backup and restore of a 1 GB world, against ``tar | zstd`` and ``tar | gzip``: ``python benchmarks/backup.py [MiB]``.

The world is made like a server's: region files of deflated chunks in 4 KiB sectors, and some small files. All
files are in the page cache before each run, and each run ends when its result is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.agent_memory import resident_mb
from tests.agent.bench import agent_beside, scripted_store

if TYPE_CHECKING:
    from tests.agent.bench import Client

MIB = 1 << 20
REGION = 8 * MIB
GZIP_SHARE = 8
"""gzip gets one region file in so many: it would take minutes for all."""


def build_world(folder: Path, size: int) -> None:
    """Write region files whose chunks are as incompressible as deflated ones, padded to sectors."""
    rng = random.Random(4)
    region = folder / "world" / "region"
    region.mkdir(parents=True)
    for number in range(size // REGION):
        content = bytearray(8192)
        while len(content) < REGION:
            length = rng.randrange(2500, 10000)
            content += rng.randbytes(length) + bytes(-length % 4096)
        (region / f"r.0.{number}.mca").write_bytes(content[:REGION])
    players = folder / "world" / "playerdata"
    players.mkdir()
    for number in range(500):
        (players / f"{number}.dat").write_bytes(rng.randbytes(4000))


def warm(folder: Path) -> None:
    """Bring every file into the page cache."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.read_bytes()


def piped(*commands: list[str], cwd: Path, out: Path | None = None) -> float:
    """Run a pipe and return its seconds, with what it wrote on the disk."""
    warm(cwd)
    began = time.perf_counter()
    with (out or Path(os.devnull)).open("wb") as target:
        first = subprocess.Popen(commands[0], cwd=cwd, stdout=subprocess.PIPE)
        subprocess.run(commands[1], cwd=cwd, stdin=first.stdout, stdout=target, check=True)
        assert first.wait() == 0
        if out:
            os.fsync(target.fileno())
    if not out:
        os.sync()
    return time.perf_counter() - began


async def operated(agent: Client, path: str) -> tuple[float, dict[str, Any], float]:
    """Run an operation to its end; return its seconds, its last word and the agent's largest memory."""
    assert agent.process
    began, most = time.perf_counter(), 0.0
    code, body = await agent.post(path)
    assert code in {201, 202}, body
    while True:
        most = max(most, resident_mb(agent.process.pid))
        _, listed = await agent.get("/game/backups")
        if listed["operation"]["state"] != "running":
            assert listed["operation"]["state"] == "succeeded", listed["operation"]
            return time.perf_counter() - began, listed, most
        await asyncio.sleep(0.02)


async def measure(tmp: Path, size: int) -> None:
    """Print every figure beside its yardstick."""
    async with scripted_store().serving() as store, agent_beside(tmp, store) as agent:
        await agent.run()
        build_world(agent.folder, size)
        real = sum(p.stat().st_size for p in agent.folder.rglob("*") if p.is_file()) / MIB
        tar = ["tar", "--exclude=./server.py", "--exclude=./logs", "-cf", "-", "."]

        def show(what: str, seconds: float, mib: float, more: str = "") -> None:
            print(f"{what:44s} {seconds:6.2f} s {mib / seconds:7.0f} MiB/s  {more}")

        seconds = piped(tar, ["zstd", "-1", "-q"], cwd=agent.folder, out=tmp / "yard.tar.zst")
        show("tar | zstd -1", seconds, real, f"{(tmp / 'yard.tar.zst').stat().st_size / MIB:.0f} MiB")
        warm(agent.folder)
        assert agent.process
        idle = resident_mb(agent.process.pid)
        ours, listed, most = await operated(agent, "/game/backups?wait=0")
        backup = listed["backups"][0]
        show("backup, live, with manifest of SHA-256", ours, real, f"{backup['sizeBytes'] / MIB:.0f} MiB")
        print(
            f"{'':44s} ratio to tar | zstd: {ours / seconds:.2f}; agent {idle:.0f} MB before, {most:.0f} MB at most"
        )
        sample = [f"./world/region/r.0.{n}.mca" for n in range(0, size // REGION, GZIP_SHARE)]
        slow = piped(["tar", "-cf", "-", *sample], ["gzip", "-1"], cwd=agent.folder, out=tmp / "yard.tar.gz")
        show(f"tar | gzip -1 (of one file in {GZIP_SHARE})", slow, len(sample) * REGION / MIB)
        (tmp / "by-hand").mkdir()
        back = piped(["zstd", "-dcq", str(tmp / "yard.tar.zst")], ["tar", "-xf", "-"], cwd=tmp / "by-hand")
        show("zstd -d | tar -x", back, real)
        shutil.rmtree(tmp / "by-hand")
        warm(agent.folder)
        ours, _, most = await operated(agent, f"/game/backups/restore?id={backup['id']}")
        show("restore, with checkpoint, stop and start", ours, real, f"agent {most:.0f} MB at most")
        print(f"{'':44s} ratio to tar | zstd and back: {ours / (seconds + back):.2f}")


def main() -> int:
    """Print the figures; 2 without zstd."""
    if not shutil.which("zstd"):
        print("the yardstick needs Debian's zstd")
        return 2
    size = int(sys.argv[1]) * MIB if len(sys.argv) > 1 else 1024 * MIB
    with tempfile.TemporaryDirectory() as tmp:
        asyncio.run(measure(Path(tmp), size))
    return 0


if __name__ == "__main__":
    sys.exit(main())
