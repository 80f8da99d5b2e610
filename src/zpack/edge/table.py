"""Who is reachable under which name. Survives SIGKILL: a change is on disk before it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from typing import TYPE_CHECKING, Any, cast

from zpack.edge.names import Invalid, Target, candidates, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    Change = Callable[[dict[str, Target]], Target | None]

MAX_TARGETS = 10_000
MAX_FILE = 8 * 1024 * 1024
log = logging.getLogger("zpack.edge.table")


class TableFull(Exception):
    """There is no room for another name."""


class Table:
    """The names and their servers. Changes come one after another; readers never see half of one."""

    def __init__(self, *, path: Path, domain: str) -> None:
        self._path = path
        self._domain = domain.strip(".").lower()
        self._targets: dict[str, Target] = {}
        self._changing = asyncio.Lock()
        self._waiting: list[tuple[Change, asyncio.Future[Target | None]]] = []

    def load(self) -> None:
        """Read the file; one that cannot be read is kept aside, since the API can register all again."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._targets = _parse(self._path)
        except FileNotFoundError:
            return
        except (ValueError, RecursionError, Invalid) as error:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            log.warning("the table could not be read (%s): kept as %s, starting empty", error, aside.name)

    def all(self) -> list[Target]:
        """Return every registered server, by name."""
        return sorted(self._targets.values(), key=lambda target: target.name)

    def get(self, name: str) -> Target | None:
        """Return the server of exactly this name."""
        return self._targets.get(name)

    def route(self, host: str) -> Target | None:
        """Return the server a player's host name means."""
        for name in candidates(host, self._domain):
            if (target := self._targets.get(name)) is not None:
                return target
        return None

    async def put(self, target: Target) -> Target | None:
        """Register a server and return the one it replaces. Raises TableFull, OSError."""

        def change(targets: dict[str, Target]) -> Target | None:
            before = targets.get(target.name)
            if before is None and len(targets) >= MAX_TARGETS:
                raise TableFull
            targets[target.name] = target
            return before

        return await self._changed(change)

    async def remove(self, name: str) -> Target | None:
        """Forget a server and return it; None when there was none. Raises OSError."""
        return await self._changed(lambda targets: targets.pop(name, None))

    async def replace(self, targets: Collection[Target]) -> None:
        """Forget what was and register these, as many as there is room for. Raises OSError."""

        def change(now: dict[str, Target]) -> None:
            now.clear()
            now.update((target.name, target) for target in list(targets)[:MAX_TARGETS])

        await self._changed(change)

    async def _changed(self, change: Change) -> Target | None:
        """Make one change, on disk when this returns.

        Changes that arrive while one is being written are written together: after the proxy's restart
        hundreds come at once, and each write waits for the disk.
        """
        done: asyncio.Future[Target | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        async with self._changing:
            if not done.done():
                await self._write_waiting()
        return await done

    async def _write_waiting(self) -> None:
        batch, self._waiting = self._waiting, []
        targets = dict(self._targets)
        made: list[tuple[asyncio.Future[Target | None], Target | None]] = []
        for change, done in batch:
            try:
                made.append((done, change(targets)))
            except TableFull as full:
                done.set_exception(full)
        try:
            if targets != self._targets:
                await asyncio.to_thread(_write, self._path, targets)
        except OSError as failure:
            for done, _ in made:
                done.set_exception(failure)
            return
        except asyncio.CancelledError:  # only whoever writes gave up; the others still wait
            self._waiting = [*(entry for entry in batch if not entry[1].done()), *self._waiting]
            raise
        self._targets = targets
        for done, before in made:
            if not done.done():
                done.set_result(before)


def _parse(path: Path) -> dict[str, Target]:
    if path.stat().st_size > MAX_FILE:
        raise ValueError("it is far too large")
    document: Any = json.loads(path.read_bytes())
    rows: Any = cast("dict[str, Any]", document).get("servers") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise ValueError("it lists no servers")  # noqa: TRY004 - damaged is damaged, whatever the way
    targets = [parse_target({**row, "server_name": row.get("name")}) for row in rows if isinstance(row, dict)]
    return {target.name: target for target in targets}


def _write(path: Path, targets: dict[str, Target]) -> None:
    """Replace the file in one step; both it and its name are on disk afterwards."""
    rows = [
        {"name": t.name, "address": t.address, "port": t.port, **({"asleep": True} if t.asleep else {})}
        for t in targets.values()
    ]
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        json.dump({"servers": rows}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
