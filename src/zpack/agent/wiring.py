"""Builds the agent out of its parts; the only place that calls their constructors."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zpack.agent.app import create_app
from zpack.agent.backups.actions import Backups
from zpack.agent.backups.archiver import Archiver
from zpack.agent.backups.making import Making
from zpack.agent.backups.restoring import Restoring
from zpack.agent.backups.routes import BackupRoutes
from zpack.agent.backups.saving import Saving
from zpack.agent.backups.shelf import Shelf
from zpack.agent.backups.swap import Swap
from zpack.agent.config.files import close_home
from zpack.agent.config.store import ConfigStore, Tokens
from zpack.agent.console.ring import ConsoleRing
from zpack.agent.console.routes import ConsoleRoutes
from zpack.agent.console.shell import Account, Shells
from zpack.agent.dev.codeserver import CodeServer
from zpack.agent.dev.container import DevContainer
from zpack.agent.dev.files import DevPlaces
from zpack.agent.dev.routes import DevRoutes
from zpack.agent.dev.runtimes import DevRuntimes
from zpack.agent.dev.workspace import Workspace
from zpack.agent.faults import FaultPoint
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
from zpack.agent.mods.digests import Digests
from zpack.agent.mods.download import Downloads
from zpack.agent.mods.mods import Mods
from zpack.agent.mods.place import ModPlace
from zpack.agent.mods.routes import ModRoutes
from zpack.agent.power.lock import OperationLock
from zpack.agent.power.routes import PowerRoutes
from zpack.agent.power.workload import Workload
from zpack.agent.runtime.family import Orphans, end_below, end_marked
from zpack.agent.runtime.kept import KeeperLauncher
from zpack.agent.runtime.process import PipeLauncher
from zpack.agent.runtime.user import find_user
from zpack.agent.status.routes import StatusRoutes
from zpack.agent.update.releases import Releases
from zpack.agent.update.routes import UpdateRoutes
from zpack.agent.update.updates import Updates

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

    from zpack.agent.games.engine import Engine
    from zpack.agent.runtime.user import WorkloadUser
    from zpack.agent.settings import Settings

RELEASE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Agent:
    """The parts that the program itself drives."""

    app: web.Application
    workload: Workload
    backups: Backups
    dev: DevContainer
    ring: ConsoleRing
    shells: Shells
    orphans: Orphans
    updates: Updates

    async def resume(self) -> None:
        """Bring everything to where a killed agent left it. Called once, first. Raises ``OSError``."""
        await self.backups.recover()
        await self.dev.find()
        await self.workload.resume()
        self.backups.settle()
        await self.dev.resume()

    async def close(self) -> None:
        """End everything that is not to outlive the agent."""
        await self.updates.close()
        await self.dev.close()
        await self.workload.close()
        self.ring.close()
        await self.shells.close()


@dataclass(frozen=True)
class _Ground:
    """What the rooms stand on."""

    settings: Settings
    user: WorkloadUser | None
    orphans: Orphans
    launcher: PipeLauncher
    tokens: Tokens
    configs: ConfigStore
    servers: ServerFolder
    engines: dict[tuple[str, str], Engine]
    ring: ConsoleRing
    lock: OperationLock


def build(settings: Settings, *, owns_process: bool) -> Agent:
    """Build an agent. Raises ``EngineFileError`` and ``OSError``.

    With ``owns_process`` every process below this one is the workload's and is ended with it; without (an
    agent inside a test) only those that carry its mark.
    """
    ground = _ground(settings)
    configs, ring, lock = ground.configs, ground.ring, ground.lock
    dev = _dev(ground)
    workload = _workload(ground, dev, owns_process=owns_process)
    updates, shells, backups = _updates(ground, workload), _shells(ground, dev), _backups(ground, workload)
    files, mods, upkeep = _files_and_mods(ground, dev)
    port = settings.address.port
    doors = (
        *StatusRoutes(workload=workload, dev=dev, configs=configs, lock=lock).table(),
        *UpdateRoutes(updates=updates).table(),
        *PowerRoutes(workload=workload, dev=dev, tokens=ground.tokens, agent_port=port).table(),
        *ConsoleRoutes(workload=workload, configs=configs, ring=ring, shells=shells).table(),
        *BackupRoutes(backups=backups).table(),
        *ModRoutes(mods=mods, workload=workload).table(),
        *DevRoutes(dev=dev).table(),
        *files,
    )
    app = create_app(tokens=ground.tokens, routes=doors, upkeep=[upkeep.context])
    return Agent(app, workload, backups, dev, ring, shells, ground.orphans, updates)


def _ground(settings: Settings) -> _Ground:
    folders = settings.folders
    close_home(folders.home)
    user = find_user(
        settings.confinement.user, processes=settings.confinement.processes, folder=folders.runtime_root
    )
    orphans = Orphans()
    tokens = Tokens(home=folders.home, from_environment=settings.token)
    return _Ground(
        settings=settings,
        user=user,
        orphans=orphans,
        launcher=PipeLauncher(orphans=orphans),
        tokens=tokens,
        configs=ConfigStore(home=folders.home, tokens=tokens),
        servers=ServerFolder(folders=folders, address=settings.address, user=user),
        engines=load_engines(SHIPPED, *([folders.games_dir] if folders.games_dir else [])),
        ring=ConsoleRing(),
        lock=OperationLock(),
    )


def _workload(ground: _Ground, dev: DevContainer, *, owns_process: bool) -> Workload:
    settings, servers, user = ground.settings, ground.servers, ground.user

    async def sweep(spare: Collection[int]) -> None:
        kept = {*spare, dev.keeper} if dev.keeper else set(spare)
        if owns_process:
            await end_below(os.getpid(), spare={*ground.launcher.tools, *kept})
        await end_marked(servers.mark, uid=user.uid if user else None, spare=kept)

    return Workload(
        configs=ground.configs,
        engines=ground.engines,
        installer=_installer(ground),
        servers=servers,
        launcher=KeeperLauncher(
            folder=settings.folders.home / "run",
            mark=servers.mark,
            orphans=ground.orphans,
            console=ground.ring,
            outlives=settings.keep_workload,
        ),
        ring=ground.ring,
        lock=ground.lock,
        supervision=settings.supervision,
        address=settings.address,
        sweep=sweep,
    )


def _installer(ground: _Ground) -> Installer:
    folders, launcher = ground.settings.folders, ground.launcher
    artifacts, unpacker = _intake(ground, user=ground.user)
    return Installer(
        record=folders.home / "state" / "installed.json",
        store=ground.settings.store,
        artifacts=artifacts,
        unpacker=unpacker,
        runtimes=Runtimes(
            folders=folders, table=JavaTable(), artifacts=artifacts, unpacker=unpacker, launcher=launcher
        ),
        servers=ground.servers,
        launcher=launcher,
    )


def _intake(ground: _Ground, *, user: WorkloadUser | None) -> tuple[Artifacts, Unpacker]:
    root, store = ground.settings.folders.runtime_root, ground.settings.store
    artifacts = Artifacts(store=store, folder=root / ".downloads")
    return artifacts, Unpacker(staging=root / ".staging", store=store, launcher=ground.launcher, user=user)


def _shells(ground: _Ground, dev: DevContainer) -> Shells:
    name, _, home = ground.servers.mark.partition("=")

    def account() -> Account:
        return Account(dev.workspace.user, dev.workspace.folder, {**dev.environment(), name: home})

    return Shells(orphans=ground.orphans, account=account, linger_seconds=ground.settings.shell_seconds)


def _backups(ground: _Ground, workload: Workload) -> Backups:
    folders, keeping, servers = ground.settings.folders, ground.settings.keeping, ground.servers
    state = folders.home / "state"
    fault = FaultPoint.from_environment(os.environ)
    shelf = Shelf(folder=folders.home / "backups", fault=fault)
    archiver = Archiver(launcher=ground.launcher, keeping=keeping, home=folders.home, fault=fault)
    marker = state / "saving-paused.json"
    saving = Saving(workload=workload, ring=ground.ring, marker=marker, fault=fault)
    making = Making(
        workload=workload, servers=servers, shelf=shelf, archiver=archiver, saving=saving, fault=fault
    )
    restoring = Restoring(
        workload=workload,
        servers=servers,
        shelf=shelf,
        archiver=archiver,
        making=making,
        swap=Swap(journal=state / "restore.json", workshop=folders.runtime_root / ".restore", fault=fault),
        fault=fault,
    )
    return Backups(
        workload=workload,
        lock=ground.lock,
        servers=servers,
        shelf=shelf,
        making=making,
        restoring=restoring,
        saving=saving,
        keeping=keeping,
        last=state / "backup-operation.json",
    )


def _files_and_mods(ground: _Ground, dev: DevContainer) -> tuple[list[web.RouteDef], Mods, Upkeep]:
    settings, configs, servers, lock = ground.settings, ground.configs, ground.servers, ground.lock
    leftovers = Leftovers(folder=settings.folders.home / "state" / "unfinished")
    provenance, shadows = Provenance(leftovers=leftovers), Shadows(leftovers=leftovers, limit=SETTINGS_BYTES)
    files = Files(provenance=provenance, shadows=shadows, leftovers=leftovers)
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
    mods = Mods(
        place=ModPlace(configs=configs, engines=ground.engines, servers=servers),
        files=game,
        provenance=provenance,
        downloads=Downloads(rules=settings.mods),
        digests=Digests(),
        lock=lock,
    )
    mods.clean()
    return routes, mods, Upkeep(leftovers=leftovers, shadows=shadows, places=game)


def _dev(ground: _Ground) -> DevContainer:
    settings = ground.settings
    artifacts, unpacker = _intake(ground, user=None)
    workspace = Workspace(settings=settings.dev, processes=settings.confinement.processes)
    runtimes = DevRuntimes(
        folder=settings.folders.runtime_root / "runtime",
        artifacts=artifacts,
        unpacker=unpacker,
        launcher=ground.launcher,
    )
    codeserver = CodeServer(
        settings=settings,
        configs=ground.configs,
        runtimes=runtimes,
        workspace=workspace,
        artifacts=artifacts,
        unpacker=unpacker,
        orphans=ground.orphans,
    )
    return DevContainer(
        configs=ground.configs,
        lock=ground.lock,
        store=settings.store,
        artifacts=artifacts,
        unpacker=unpacker,
        runtimes=runtimes,
        workspace=workspace,
        codeserver=codeserver,
    )


def _updates(ground: _Ground, workload: Workload) -> Updates:
    settings, lock, launcher = ground.settings, ground.lock, ground.launcher
    home = settings.folders.home
    store = replace(settings.store, max_download_bytes=RELEASE_BYTES, max_unpacked_bytes=4 * RELEASE_BYTES)
    unpacker = Unpacker(staging=home / "releases" / ".staging", store=store, launcher=launcher)

    def idle() -> bool:
        """Whether the agent may begin anew: nothing half done, no game that would end with it."""
        at_work = lock.current is not None and not lock.current.waiting
        return not at_work and (settings.keep_workload or workload.process is None)

    return Updates(
        settings=settings.updating,
        releases=Releases(home=home, unpacker=unpacker, launcher=launcher),
        artifacts=Artifacts(store=store, folder=home / "releases" / ".downloads"),
        idle=idle,
        renew=lambda: os.kill(os.getpid(), signal.SIGHUP),
    )
