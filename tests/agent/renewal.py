"""Releases to update to, whole and broken, and somebody who keeps the agent up as systemd does."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import os
import shutil
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.agent.bench import HOST, Client, environment
from tests.support.ports import free_port

import zpack
from zpack.agent.update.versions import path_of
from zpack.template.release import PROGRAM, START, write_program, write_start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.agent.bench import StoreServer

SOURCE = Path(zpack.__file__).parent
OLD, NEW = "1.0.0", "1.1.0"
DEAF = """
import asyncio
from zpack.agent.status.routes import StatusRoutes
async def health(self, request):
    await asyncio.sleep(3600)
StatusRoutes.health = health
"""
BROKEN = {
    "exits": "sys.exit(3)",
    "hangs": "import time; time.sleep(3600)",
    "is killed": "import os; os.kill(os.getpid(), 9)",
    "does not answer": DEAF,
}
KILL = """
import os
from pathlib import Path
def once(real, after=False):
    mark = Path(os.environ["ZLH_AGENT_HOME"]) / "killed-once"
    def die():
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)
    def wrapped(*words, **named):
        if after:
            found = real(*words, **named)
            die()
            return found
        die()
        return real(*words, **named)
    return wrapped
from zpack.agent.install.folders import Unpacker as U
from zpack.agent.power.workload import Workload as W
from zpack.agent.update import releases
R = releases.Releases
"""
KILLS = {
    "with the archive fetched": "R.install = once(R.install)",
    "with the archive unpacked": "U._swap = once(U._swap)",
    "with the release in place": "R._try = once(R._try)",
    "before the switch": "R.switch = once(R.switch)",
    "with the trial noted": "releases.write_json = once(releases.write_json, after=True)",
    "after the switch": "R.switch = once(R.switch, after=True)",
}
"""Where the old agent dies, once."""
KILLS_NEW = {
    "before it serves": "W.resume = once(W.resume)",
    "before it confirms": "R.confirm = once(R.confirm)",
    "having confirmed": "R.confirm = once(R.confirm, after=True)",
}


def lay_out(folder: Path, version: str, *, code: str = "") -> None:
    """A release of this source under another version; its dependencies are those of this Python."""
    lib = folder / "lib" / "zpack"
    for part in ("agent", "wire"):
        shutil.copytree(SOURCE / part, lib / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SOURCE / "lifetime.py", lib)
    (lib / "__init__.py").touch()
    (lib / "agent" / "__init__.py").write_text(f'VERSION = "v{version}"\n')
    write_program(folder / PROGRAM, python=sys.executable)
    if code:
        program = (folder / PROGRAM).read_text()
        lines = [f"    {line}" for line in (KILL + code).splitlines()]
        program = program.replace(
            "sys.exit(main())", "\n".join(["if '--version' not in sys.argv:", *lines, "sys.exit(main())"])
        )
        (folder / PROGRAM).write_text(program)


def packed(tmp: Path, version: str, *, code: str = "") -> bytes:
    """A release as an archive, quickly."""
    folder = tmp / f"release-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder, version, code=code)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(folder, ".")
    return gzip.compress(buffer.getvalue(), 1)


def offer(store: StoreServer, tmp: Path, version: str, *, code: str = "") -> str:
    """Put a release into the store; return its path there."""
    store.put(path_of(version), packed(tmp, version, code=code))
    return path_of(version)


@dataclass
class Service:
    """An installed agent that is started again whenever it ends."""

    home: Path
    env: dict[str, str]
    log: Path
    starts: int = 0
    process: asyncio.subprocess.Process | None = None
    up: bool = True
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def run(self) -> None:
        while self.up:
            self.starts += 1
            with self.log.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    str(self.home / START), env=self.env, stdout=log, stderr=log
                )
            await self.process.wait()

    @contextlib.asynccontextmanager
    async def kept_up(self) -> AsyncIterator[Service]:
        self._task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            self.up = False
            if self.process and self.process.returncode is None:
                self.process.terminate()
            await asyncio.wait_for(self._task, 30)


@contextlib.asynccontextmanager
async def installed(tmp: Path, store: StoreServer, *, code: str = "", **changes: str) -> AsyncIterator[Any]:
    """The old release, installed and kept up; yields a client of it with the service as ``agent``."""
    home, port = tmp / "home", free_port()
    lay_out(home / "releases" / OLD, OLD, code=code)
    (home / "current").symlink_to(f"releases/{OLD}")
    write_start(home / START, wheel_lib=home / "releases" / OLD / "lib", python=sys.executable)
    own = {
        "PATH": os.environ["PATH"],
        "ZLH_AGENT_UPDATE_HEALTH_SECONDS": "60",
        "ZLH_AGENT_KEEP_WORKLOAD": "1",
    }
    env = environment(tmp, store, **({**own, "ZLH_AGENT_PORT": str(port)} | changes))
    service = Service(home, env, tmp / "log")
    async with service.kept_up(), aiohttp.ClientSession() as http:
        client = Client(http, f"http://{HOST}:{port}", home, tmp / "root", free_port())
        yield client, service
