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
from zpack.agent.console.shell import Shells, find_account
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

    from zpack.agent.runtime.user import WorkloadUser
    from zpack.agent.settings import Settings

RELEASE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Agent:
    """The parts that the program itself drives."""

    app: web.Application
    workload: Workload
    backups: Backups
    ring: ConsoleRing
    shells: Shells
    orphans: Orphans
    updates: Updates

    async def resume(self) -> None:
        """Bring everything to where a killed agent left it. Called once, first. Raises ``OSError``."""
        await self.backups.recover()
        await self.workload.resume()
        self.backups.settle()


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
    engines = load_engines(SHIPPED, *([folders.games_dir] if folders.games_dir else []))

    async def sweep(spare: Collection[int]) -> None:
        if owns_process:
            await end_below(os.getpid(), spare={*launcher.tools, *spare})
        await end_marked(servers.mark, uid=user.uid if user else None, spare=spare)

    workload = Workload(
        configs=configs,
        engines=engines,
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
    updates = _updates(settings, launcher=launcher, workload=workload, lock=lock)
    name, _, home = servers.mark.partition("=")
    shells = Shells(
        orphans=orphans, account=find_account(), extra={name: home}, linger_seconds=settings.shell_seconds
    )
    backups = _backups(settings, workload=workload, lock=lock, servers=servers, launcher=launcher, ring=ring)
    leftovers = Leftovers(folder=folders.home / "state" / "unfinished")
    provenance = Provenance(leftovers=leftovers)
    places = GamePlaces(
        configs=configs, servers=servers, lock=lock, quota=Quota(), quota_mib=settings.files.quota_mib
    )
    mods = Mods(
        place=ModPlace(configs=configs, engines=engines, servers=servers),
        files=places,
        provenance=provenance,
        downloads=Downloads(rules=settings.mods),
        digests=Digests(),
        lock=lock,
    )
    mods.clean()
    doors = (
        *StatusRoutes(workload=workload, configs=configs, lock=lock).table(),
        *UpdateRoutes(updates=updates).table(),
        *PowerRoutes(workload=workload, tokens=tokens, agent_port=address.port).table(),
        *ConsoleRoutes(workload=workload, configs=configs, ring=ring, shells=shells).table(),
        *BackupRoutes(backups=backups).table(),
        *ModRoutes(mods=mods, workload=workload).table(),
    )
    files, upkeep = _files(settings, leftovers=leftovers, provenance=provenance, places=places)
    app = create_app(tokens=tokens, routes=(*doors, *files.table()), upkeep=[upkeep.context])
    return Agent(app, workload, backups, ring, shells, orphans, updates)


def _backups(
    settings: Settings,
    *,
    workload: Workload,
    lock: OperationLock,
    servers: ServerFolder,
    launcher: PipeLauncher,
    ring: ConsoleRing,
) -> Backups:
    folders, keeping = settings.folders, settings.keeping
    state = folders.home / "state"
    fault = FaultPoint.from_environment(os.environ)
    shelf = Shelf(folder=folders.home / "backups", fault=fault)
    archiver = Archiver(launcher=launcher, keeping=keeping, home=folders.home, fault=fault)
    saving = Saving(workload=workload, ring=ring, marker=state / "saving-paused.json", fault=fault)
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
        lock=lock,
        servers=servers,
        shelf=shelf,
        making=making,
        restoring=restoring,
        saving=saving,
        keeping=keeping,
        last=state / "backup-operation.json",
    )


def _files(
    settings: Settings, *, leftovers: Leftovers, provenance: Provenance, places: GamePlaces
) -> tuple[FilesRoutes, Upkeep]:
    shadows = Shadows(leftovers=leftovers, limit=SETTINGS_BYTES)
    files = Files(provenance=provenance, shadows=shadows, leftovers=leftovers)
    limits = TransferLimits(seconds=settings.files.transfer_seconds, idle_seconds=settings.files.idle_seconds)
    routes = FilesRoutes(
        prefix="/game/files",
        places=places,
        files=files,
        incoming=Incoming(files=files, transfers=Transfers(limits=limits)),
        outgoing=Outgoing(transfers=Transfers(limits=limits)),
    )
    return routes, Upkeep(leftovers=leftovers, shadows=shadows, places=places)


def _updates(
    settings: Settings, *, launcher: PipeLauncher, workload: Workload, lock: OperationLock
) -> Updates:
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
