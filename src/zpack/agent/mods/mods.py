"""What may be done with the mods of this server: one change at a time, none beside a backup or a start."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from zpack.agent.mods.names import file_of
from zpack.agent.mods.provenance import entry_of, known_of
from zpack.agent.mods.refusals import DownloadFailed, ModExists
from zpack.agent.power.lock import now
from zpack.agent.problems import Refusal
from zpack.agent.rooted.paths import Exists
from zpack.agent.rooted.refusing import refusing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from pathlib import Path

    from zpack.agent.files.place import GamePlaces
    from zpack.agent.files.provenance import Provenance
    from zpack.agent.mods.digests import Digests
    from zpack.agent.mods.download import Downloads
    from zpack.agent.mods.folder import Found, ModFolder
    from zpack.agent.mods.orders import Order
    from zpack.agent.mods.origins import Source
    from zpack.agent.mods.place import ModPlace
    from zpack.agent.power.lock import Operation, OperationLock
    from zpack.wire.mods import Mod, ModList

log = logging.getLogger(__name__)


class Mods:
    """The mods of the workload. Used from one event loop only."""

    def __init__(
        self,
        *,
        place: ModPlace,
        files: GamePlaces,
        provenance: Provenance,
        downloads: Downloads,
        digests: Digests,
        lock: OperationLock,
    ) -> None:
        self._place = place
        self._files = files
        self._provenance = provenance
        self._downloads = downloads
        self._digests = digests
        self._lock = lock
        self._reading = asyncio.Lock()

    def clean(self) -> None:
        """Remove what a killed agent left half-fetched. Called once, first."""
        try:
            with self._place.open() as folder:
                if removed := folder.clean():
                    log.info("removed %d half-fetched mods", removed)
        except (Refusal, OSError) as error:
            log.info("no mods to clean up: %s", error)

    async def listed(self) -> ModList:
        """Return all mods. Raises ``NotReady``, ``Unsupported`` and refusals."""

        def read() -> ModList:
            with self._place.open() as folder:
                return {"folder": folder.name, "mods": self._shown(folder, folder.found())}

        async with self._reading:
            return await finished(read)

    async def one(self, mod_id: str) -> Mod:
        """Return one mod. Raises ``NoSuchMod`` and refusals."""

        def read() -> Mod:
            with self._place.open() as folder:
                return self._show(folder, folder.need(mod_id))

        async with self._reading:
            return await finished(read)

    async def install(self, order: Order) -> Mod:
        """Fetch a mod, verify it and put it in place, or leave everything as it was.

        The very file that is there already is not fetched again. Raises the room's refusals, ``Conflict``
        during another operation.
        """
        source = self._downloads.check(order.url)
        with self._operation("mod-install") as operation, self._place.open() as folder:
            folder.ensure()
            standing = folder.find(order.filename)
            if standing is None:
                operation.message = f"fetching {order.filename}"
                await self._fetch(folder, order, source)
            elif await finished(self._differs, folder, standing, order):
                raise ModExists("another mod is there under this name; remove it first")
            return await finished(self._show, folder, folder.need(order.filename))

    async def switch(self, mod_id: str, *, enabled: bool) -> Mod:
        """Switch a mod on or off; nothing when it is so already. Raises ``NoSuchMod`` and refusals."""
        with self._operation("mod-switch"), self._place.open() as folder:
            found = folder.need(mod_id)
            if found.enabled is not enabled:
                folder.switch(found, enabled=enabled)
            return await finished(self._show, folder, folder.need(mod_id))

    async def remove(self, mod_id: str) -> str:
        """Put a mod away; return where it is now. Raises ``NoSuchMod`` and refusals."""
        with self._operation("mod-remove"), self._place.open() as folder:
            target = folder.put_away(folder.need(mod_id))
            path = folder.path(mod_id)
            await self._write_down(self._provenance.moved, folder.root, path, target, folder=folder.server)
            return target

    @contextmanager
    def _operation(self, kind: str) -> Generator[Operation]:
        operation = self._lock.begin(kind)
        try:
            yield operation
        finally:
            self._lock.end(operation)

    async def _fetch(self, folder: ModFolder, order: Order, source: Source) -> None:
        path, descriptor = folder.open_part()
        try:
            with os.fdopen(descriptor, "wb") as file:
                sha512 = await self._take(file, order, source)
                with refusing():
                    file.flush()
                    await finished(os.fsync, file.fileno())
            _put_in_place(folder, path, folder.path(order.filename))
        except BaseException:
            _unlink(folder, path)
            raise
        entry = entry_of(order, sha512=sha512, at=now())
        target = folder.path(order.filename)
        await self._write_down(self._provenance.note, folder.root, target, entry, folder=folder.server)

    async def _take(self, file: BinaryIO, order: Order, source: Source) -> str:
        """Write what comes and hash it; return its SHA-512. Raises when it is not what was meant."""
        counted = {name: hashlib.new(name, usedforsecurity=False) for name in {order.algorithm, "sha512"}}
        async with self._room() as take, self._downloads.open(source) as chunks:
            async for chunk in chunks:
                take(len(chunk))
                with refusing():
                    file.write(chunk)
                for digest in counted.values():
                    digest.update(chunk)
            _check(order, counted[order.algorithm].hexdigest())
        return counted["sha512"].hexdigest()

    @asynccontextmanager
    async def _room(self) -> AsyncGenerator[Callable[[int], None]]:
        """Yield what counts bytes against the quota; they are given back when nothing comes of it."""
        place = self._files.changing()
        await place.quota.measure(place.folder, limit=place.quota_bytes)
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            place.quota.take(size, limit=place.quota_bytes)
            taken += size

        try:
            yield take
        except BaseException:
            place.quota.give_back(taken)
            raise

    @staticmethod
    async def _write_down(write: Callable[..., None], *what: Any, folder: Path) -> None:
        """Keep the record; a mod that is in place is not refused because its source cannot be written."""
        try:
            await finished(partial(write, *what, folder=folder))
        except (Refusal, OSError):
            log.warning("the record of the server's files could not be written", exc_info=True)

    def _differs(self, folder: ModFolder, standing: Found, order: Order) -> bool:
        return self._digests.fresh(folder, standing, algorithm=order.algorithm) != order.digest

    def _show(self, folder: ModFolder, mod: Found) -> Mod:
        return self._shown(folder, [mod])[0]

    def _shown(self, folder: ModFolder, mods: list[Found]) -> list[Mod]:
        digests = self._digests.of(folder, mods)
        record = self._provenance.read(folder.root)
        known = {mod.id: known_of(record.get(folder.path(mod.id)), digests[mod.id]) for mod in mods}
        return [_view(mod, digests[mod.id], known[mod.id]) for mod in mods]


def _check(order: Order, digest: str) -> None:
    if digest != order.digest:
        msg = f"the file that came does not have this {order.algorithm}; it was not installed"
        raise DownloadFailed(msg, code="hash_mismatch")


def _put_in_place(folder: ModFolder, path: str, target: str) -> None:
    """Show the whole file to the game. Raises :class:`ModExists`."""
    try:
        folder.root.rename_new(path, target)
    except Exists as error:
        raise ModExists("another file took this name meanwhile") from error
    folder.sync(folder.name)


def _view(mod: Found, sha512: str | None, known: dict[str, str]) -> Mod:
    return {
        "id": mod.id,
        "name": known.get("name") or mod.id.removesuffix(".jar"),
        "filename": file_of(mod.id, enabled=mod.enabled),
        "enabled": mod.enabled,
        "sizeBytes": mod.stat.st_size,
        "modified": datetime.fromtimestamp(mod.stat.st_mtime, UTC).isoformat(timespec="seconds"),
        "sha512": sha512,
        "source": known.get("source"),
        "projectId": known.get("project_id"),
        "versionId": known.get("version_id"),
    }


def _unlink(folder: ModFolder, path: str) -> None:
    try:
        folder.root.unlink(path)
    except (Refusal, OSError):
        log.info("%s could not be removed; the next start of the agent does it", path)


async def finished(work: Callable[..., Any], *args: Any) -> Any:
    """Return what blocking work returns; a cancelled caller waits until it has let go of its files."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise
