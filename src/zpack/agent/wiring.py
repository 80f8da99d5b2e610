"""Builds the agent out of its parts; the only place that calls their constructors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.agent.app import create_app
from zpack.agent.config.files import close_home
from zpack.agent.config.store import ConfigStore, Tokens
from zpack.agent.console.ring import ConsoleRing
from zpack.agent.console.routes import ConsoleRoutes
from zpack.agent.dev.codeserver import CodeServer
from zpack.agent.dev.container import DevContainer
from zpack.agent.dev.files import DevPlaces
from zpack.agent.dev.routes import DevRoutes
from zpack.agent.dev.runtimes import DevRuntimes
from zpack.agent.dev.workspace import Workspace
from zpack.agent.files.actions import Files
from zpack.agent.files.incoming import Incoming
from zpack.agent.files.leftovers import Leftovers
from zpack.agent.files.outgoing import Outgoing
from zpack.agent.files.place import GamePlaces
from zpack.agent.files.policy import SETTINGS_BYTES
from zpack.agent.files.provenance import Provenance
from zpack.agent.files.quota import Quota
from zpack.agent.files.routes import FilesRoutes
from zpack.agent.files.shadow import Shadows
from zpack.agent.files.transfers import TransferLimits, Transfers
from zpack.agent.files.upkeep import Upkeep
from zpack.agent.games.loader import SHIPPED, load_engines
from zpack.agent.install.artifacts import Artifacts
from zpack.agent.install.folders import Unpacker
from zpack.agent.install.installer import Installer
from zpack.agent.install.java import JavaTable
from zpack.agent.install.runtimes import Runtimes
from zpack.agent.install.server import ServerFolder
from zpack.agent.power.lock import OperationLock
from zpack.agent.power.routes import PowerRoutes
from zpack.agent.power.workload import Workload
from zpack.agent.runtime.family import Orphans, end_below, end_marked
from zpack.agent.runtime.kept import KeeperLauncher
from zpack.agent.runtime.process import PipeLauncher
from zpack.agent.runtime.user import find_user
from zpack.agent.status.routes import StatusRoutes

if TYPE_CHECKING:
    from aiohttp import web

    from zpack.agent.runtime.user import WorkloadUser
    from zpack.agent.settings import Settings


@dataclass(frozen=True)
class Agent:
    """The parts that the program itself drives."""

    app: web.Application
    workload: Workload
    dev: DevContainer
    ring: ConsoleRing
    orphans: Orphans


def build(settings: Settings, *, owns_process: bool) -> Agent:
    """Build an agent. Raises ``EngineFileError`` and ``OSError``.

    With ``owns_process`` every process below this one is the workload's and is ended with it; without (an
    agent inside a test) only those that carry its mark.
    """
    folders, address = settings.folders, settings.address
    close_home(folders.home)
    user = find_user(
        settings.confinement.user, processes=settings.confinement.processes, folder=folders.runtime_root
    )
    orphans = Orphans()
    launcher = PipeLauncher(orphans=orphans)
    tokens = Tokens(home=folders.home, from_environment=settings.token)
    configs = ConfigStore(home=folders.home, tokens=tokens)
    servers = ServerFolder(folders=folders, address=address, user=user)
    ring, lock = ConsoleRing(), OperationLock()

    dev = _dev(settings, configs=configs, lock=lock, launcher=launcher, orphans=orphans)

    async def sweep(spare: int | None) -> None:
        spare = spare or dev.keeper  # a container is of one type
        if owns_process:
            await end_below(os.getpid(), spare=spare)
        await end_marked(servers.mark, uid=user.uid if user else None, spare=spare)

    workload = Workload(
        configs=configs,
        engines=load_engines(SHIPPED, *([folders.games_dir] if folders.games_dir else [])),
        installer=_installer(settings, launcher=launcher, servers=servers, user=user),
        servers=servers,
        launcher=KeeperLauncher(
            folder=folders.home / "run",
            mark=servers.mark,
            orphans=orphans,
            console=ring,
            outlives=settings.keep_workload,
        ),
        ring=ring,
        lock=lock,
        supervision=settings.supervision,
        address=address,
        sweep=sweep,
    )
    doors = (
        *StatusRoutes(
            workload=workload, dev=dev, configs=configs, lock=lock, update_mode=settings.update_mode
        ).table(),
        *PowerRoutes(workload=workload, dev=dev, tokens=tokens, agent_port=address.port).table(),
        *ConsoleRoutes(workload=workload, ring=ring).table(),
        *DevRoutes(dev=dev).table(),
    )
    files, upkeep = _files(settings, configs=configs, servers=servers, dev=dev, lock=lock)
    app = create_app(tokens=tokens, routes=(*doors, *files), upkeep=[upkeep.context])
    return Agent(app, workload, dev, ring, orphans)


def _files(
    settings: Settings, *, configs: ConfigStore, servers: ServerFolder, dev: DevContainer, lock: OperationLock
) -> tuple[list[web.RouteDef], Upkeep]:
    leftovers = Leftovers(folder=settings.folders.home / "state" / "unfinished")
    shadows = Shadows(leftovers=leftovers, limit=SETTINGS_BYTES)
    files = Files(provenance=Provenance(leftovers=leftovers), shadows=shadows, leftovers=leftovers)
    quota, quota_mib = Quota(), settings.files.quota_mib  # one: a container is of one type
    game = GamePlaces(configs=configs, servers=servers, lock=lock, quota=quota, quota_mib=quota_mib)
    limits = TransferLimits(seconds=settings.files.transfer_seconds, idle_seconds=settings.files.idle_seconds)
    incoming = Incoming(files=files, transfers=Transfers(limits=limits))
    outgoing = Outgoing(transfers=Transfers(limits=limits))
    workspace = DevPlaces(dev=dev, quota=quota, quota_mib=quota_mib)
    routes = [
        *FilesRoutes(
            prefix="/game/files", places=game, files=files, incoming=incoming, outgoing=outgoing
        ).table(),
        *FilesRoutes(
            prefix="/dev/files",
            places=workspace,
            files=files,
            incoming=incoming,
            outgoing=outgoing,
            folders=True,
        ).table(),
    ]
    return routes, Upkeep(leftovers=leftovers, shadows=shadows, places=game)


def _installer(
    settings: Settings, *, launcher: PipeLauncher, servers: ServerFolder, user: WorkloadUser | None
) -> Installer:
    folders, store = settings.folders, settings.store
    artifacts = Artifacts(store=store, folder=folders.runtime_root / ".downloads")
    unpacker = Unpacker(staging=folders.runtime_root / ".staging", store=store, launcher=launcher, user=user)
    return Installer(
        record=folders.home / "state" / "installed.json",
        store=store,
        artifacts=artifacts,
        unpacker=unpacker,
        runtimes=Runtimes(
            folders=folders, table=JavaTable(), artifacts=artifacts, unpacker=unpacker, launcher=launcher
        ),
        servers=servers,
        launcher=launcher,
    )


def _dev(
    settings: Settings,
    *,
    configs: ConfigStore,
    lock: OperationLock,
    launcher: PipeLauncher,
    orphans: Orphans,
) -> DevContainer:
    folders, store = settings.folders, settings.store
    artifacts = Artifacts(store=store, folder=folders.runtime_root / ".downloads")
    unpacker = Unpacker(staging=folders.runtime_root / ".staging", store=store, launcher=launcher)
    workspace = Workspace(settings=settings.dev, processes=settings.confinement.processes)
    runtimes = DevRuntimes(
        folder=folders.runtime_root / "runtime", artifacts=artifacts, unpacker=unpacker, launcher=launcher
    )
    codeserver = CodeServer(
        settings=settings,
        configs=configs,
        runtimes=runtimes,
        workspace=workspace,
        artifacts=artifacts,
        unpacker=unpacker,
        orphans=orphans,
    )
    return DevContainer(
        configs=configs,
        lock=lock,
        store=store,
        artifacts=artifacts,
        unpacker=unpacker,
        runtimes=runtimes,
        workspace=workspace,
        codeserver=codeserver,
    )
