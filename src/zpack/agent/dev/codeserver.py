"""The browser IDE of a dev container: its files, and the one process that serves it.

Its life is a workload's: supervised, restarted with back-off, ended gently first, and held by a keeper, so
that a killed agent takes nobody's editor away.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
from typing import TYPE_CHECKING

from zpack.agent.config.files import read_json, write_beside, write_json
from zpack.agent.console.ring import ConsoleRing
from zpack.agent.dev.catalog import newest_code_server
from zpack.agent.dev.health import ask_health
from zpack.agent.dev.runtimes import archive_name
from zpack.agent.games.engine import Stop
from zpack.agent.power.backoff import Backoff
from zpack.agent.power.crash import CrashRecord
from zpack.agent.power.life import Condition, Life, Means
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.family import end_marked
from zpack.agent.runtime.kept import KeeperLauncher
from zpack.agent.runtime.process import Command
from zpack.agent.status.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zpack.agent.config.payload import DevPayload
    from zpack.agent.config.store import ConfigStore
    from zpack.agent.dev.catalog import Offer
    from zpack.agent.dev.runtimes import DevRuntimes
    from zpack.agent.dev.workspace import Workspace
    from zpack.agent.install.artifacts import Artifacts
    from zpack.agent.install.folders import Unpacker
    from zpack.agent.power.crash import Crash
    from zpack.agent.runtime.family import Orphans
    from zpack.agent.runtime.kept import KeptProcess
    from zpack.agent.settings import Address, Settings, Supervision
    from zpack.agent.status.ping import Answer

SOURCE = "code_server_healthz"
MARK = "ZPACK_CODE_SERVER_OF"
STAMP = ".zpack-installed.json"
FLAGS = (
    "--disable-telemetry",
    "--disable-update-check",
    "--disable-workspace-trust",
    "--disable-getting-started-override",  # its maker's advertisement
)
CONFIG = b"# Written by the agent; what matters is on the command line.\nauth: none\n"
"""Instead of the user's own file: code-server would make one with a password, and an empty proxy-domain in it
would end the process."""
STOP = Stop(command="", signal="SIGTERM", grace_seconds=10.0, words=())


class CodeServer:
    """One code-server."""

    def __init__(
        self,
        *,
        settings: Settings,
        configs: ConfigStore,
        runtimes: DevRuntimes,
        workspace: Workspace,
        artifacts: Artifacts,
        unpacker: Unpacker,
        orphans: Orphans,
    ) -> None:
        self._folder = settings.folders.runtime_root / "services" / "code-server"
        self._mark = f"{MARK}={settings.folders.home}"
        self._address: Address = settings.address
        self._supervision: Supervision = settings.supervision
        self._seconds = settings.dev.code_server_seconds
        self.port = settings.dev.code_server_port
        self._configs = configs
        self._runtimes = runtimes
        self._workspace = workspace
        self._artifacts = artifacts
        self._unpacker = unpacker
        self._ring = ConsoleRing(max_lines=200, max_bytes=64 * 1024)
        self._launcher = KeeperLauncher(
            folder=settings.folders.home / "run-code-server",
            mark=self._mark,
            orphans=orphans,
            console=self._ring,
            outlives=settings.keep_workload,
        )
        self._kept: KeptProcess | None = None
        self._life: Life | None = None
        self._living: asyncio.Task[None] | None = None
        self.condition = Condition()
        self.readiness = Readiness(source=SOURCE)
        self.crashes = CrashRecord.from_json(configs.crash)

    @property
    def installed(self) -> bool:
        """Whether its files are here, whole."""
        return bool(self._stamp()) and os.access(self._program, os.X_OK)

    @property
    def version(self) -> str | None:
        """The version that is installed."""
        version = self._stamp().get("version")
        return version if isinstance(version, str) else None

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._life is not None and self._life.process is not None

    @property
    def alive(self) -> bool:
        """Whether it is supervised: running, or about to be started again."""
        return self._living is not None and not self._living.done()

    async def install(self, sums: dict[str, str], *, report: Callable[[str], None]) -> None:
        """Have the newest version that the store lists. Raises :class:`WorkloadError`, ``OSError``."""
        offer = newest_code_server(sums, machine=platform.machine())
        checksum = sums[offer.path]
        if self.installed and self._stamp().get("checksum") == checksum:
            return
        archive = await self._artifacts.fetch(offer.path, checksum=checksum, report=report)
        await self.stop()
        report(f"unpack {archive_name(offer.path)}")
        try:
            await self._unpacker.replace_folder(archive, self._folder)
            self._take(offer, checksum)
        except BaseException:
            archive.unlink(missing_ok=True)
            if not self.installed:
                await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            raise

    @property
    def keeper(self) -> int | None:
        """The keeper of the one that was found and is not supervised yet."""
        return self._kept.keeper if self._kept else None

    async def find(self, payload: DevPayload) -> None:
        """Take up the one that an earlier agent left."""
        self._kept = await self._launcher.find(payload.digest())

    async def start(self, payload: DevPayload) -> None:
        """Start it, or go on with the one that was found; return when that has an outcome."""
        await self._end_life()

        async def begin() -> KeptProcess:
            found, self._kept = self._kept, None
            return found or await self._launch(payload)

        supervision = self._supervision
        means = Means(
            begin=begin,
            ask=self._ask,
            sweep=self._sweep,
            crashed=self._crashed,
            stop=STOP,
            stop_seconds=supervision.stop_seconds,
            ready_seconds=self._seconds,
            ping_seconds=supervision.ping_seconds,
        )
        backoff = Backoff(seconds=supervision.backoff_seconds, stable_seconds=supervision.stable_seconds)
        self._life = Life(
            means=means, backoff=backoff, condition=self.condition, readiness=self.readiness, ring=self._ring
        )
        self._living = asyncio.create_task(self._life.run(), name="code-server")
        await self._life.settled.wait()

    def hurry(self) -> None:
        """Start now instead of at the end of a pause."""
        if self._life is not None:
            self._life.hurry()

    async def stop(self) -> None:
        """End it and all that it started."""
        await self._end_life()
        self._kept = None
        await self._sweep()
        self.condition.become("idle")
        self.readiness.down("code-server is stopped")

    async def close(self) -> None:
        """End it with the agent."""
        await self.stop()
        await self._launcher.close()

    def kill(self) -> None:
        """Kill it at once, for those who cannot wait for :meth:`stop`."""
        if self._life is not None and self._life.process is not None:
            self._life.process.signal("SIGKILL")

    @property
    def _program(self) -> Path:
        return self._folder / "bin" / "code-server"

    def _take(self, offer: Offer, checksum: str) -> None:
        if not os.access(self._program, os.X_OK):
            msg = f"{offer.path} holds no bin/code-server"
            raise WorkloadError(msg)
        write_json(self._folder / STAMP, {"checksum": checksum, "version": offer.version})

    def _stamp(self) -> dict[str, object]:
        return read_json(self._folder / STAMP)

    async def _ask(self) -> Answer:
        return await ask_health(self._address.probe_host, self.port)

    async def _sweep(self) -> None:
        user = self._workspace.user
        await end_marked(self._mark, uid=user.uid if user else None)

    async def _launch(self, payload: DevPayload) -> KeptProcess:
        await self._sweep()  # whatever is left would hold the port
        self._workspace.prepare()
        config = self._folder.with_name("code-server.yaml")
        write_beside(config, CONFIG)
        return await self._launcher.launch(self._command(payload, config), label=payload.digest())

    def _command(self, payload: DevPayload, config: Path) -> Command:
        bind = f"{self._address.bind_ip}:{self.port}"
        argv = (str(self._program), "--config", str(config), "--auth", "none", "--bind-addr", bind, *FLAGS)
        env = self._workspace.environment(payload, programs=self._runtimes.programs(payload))
        name, _, value = self._mark.partition("=")
        folder = self._workspace.folder
        return Command((*argv, str(folder)), folder, {**env, name: value}, self._workspace.user)

    def _crashed(self, crash: Crash) -> None:
        self.crashes.add(crash)
        with contextlib.suppress(OSError):  # a full disk must not keep it from its restart
            self._configs.remember(crash=self.crashes.as_json())

    async def _end_life(self) -> None:
        if self._life and self._living:
            await self._life.stop()
            await asyncio.wait({self._living})
        self._life = self._living = None
