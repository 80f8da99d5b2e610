"""One server's folder: where it is, what the agent writes there, and how it is started from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zpack.agent.config.files import MAX_BYTES, read_small, write_beside
from zpack.agent.games.documents import merge_json, merge_properties
from zpack.agent.games.engine import fill, heap_mb
from zpack.agent.problems import WorkloadError
from zpack.agent.runtime.process import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zpack.agent.config.payload import Payload
    from zpack.agent.games.engine import Engine, Facts, ManagedFile, Start
    from zpack.agent.runtime.user import WorkloadUser
    from zpack.agent.settings import Address, Folders

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MARK = "ZPACK_GAME_OF"


def find_start(engine: Engine, folder: Path) -> tuple[Start, str] | None:
    """Return the first way to start whose file is there, and that file's relative path."""
    for start in engine.starts:
        found = sorted(p for p in folder.glob(start.needs) if p.is_file())
        if found:
            return start, found[-1].relative_to(folder).as_posix()
    return None


class ServerFolder:
    """``<runtime root>/<game>/<variant>/<world>``, the root of everything a customer may see."""

    def __init__(self, *, folders: Folders, address: Address, user: WorkloadUser | None = None) -> None:
        self._folders = folders
        self._address = address
        self._user = user

    @property
    def mark(self) -> str:
        """The environment entry by which a later agent finds what a killed one left running."""
        return f"{MARK}={self._folders.home}"

    def path(self, payload: Payload) -> Path:
        """Return the server's folder."""
        return self._folders.runtime_root / payload.game / payload.variant / payload.world

    def facts(self, payload: Payload, *, engine: Engine | None = None, program: str = "") -> Facts:
        """Return what placeholders stand for."""
        short = f"mc-{payload.variant}" if payload.game == "minecraft" else payload.game
        facts: Facts = {
            "java": program,
            "node": program,
            "python": program,
            "bind_ip": self._address.bind_ip,
            "port": payload.ports[0],
            "world": payload.world,
            "version": payload.version,
            "variant": payload.variant,
            "game": payload.game,
            "vmid": payload.vmid,
            "hostname": f"{short}-{payload.vmid}",
            "memory_mb": payload.memory_mb,
            "heap_mb": heap_mb(payload.memory_mb),
        }
        names = engine.ports if engine else ()
        return facts | {f"port_{n}": p for n, p in zip(names, payload.ports, strict=False)}

    def prepare(self, payload: Payload, engine: Engine) -> None:
        """Write what the server needs before a start. Raises :class:`WorkloadError`."""
        root = self.path(payload)
        facts = self.facts(payload, engine=engine)
        try:
            for name in engine.folders:
                inside(root, root / name).mkdir(parents=True, exist_ok=True)
            for file in engine.files:
                path = inside(root, root / file.path)
                existing = read_small(path) or b""
                if len(existing) == MAX_BYTES:  # to merge a part of it would lose the rest
                    msg = f"{file.path} is too large to be a settings file"
                    raise WorkloadError(msg)
                content = _content(file, facts, existing.decode(errors="replace"))
                write_beside(path, content.encode())
        except OSError as error:
            msg = f"cannot write the server's settings: {error.strerror or error}"
            raise WorkloadError(msg) from error

    def hand_over(self, payload: Payload) -> None:
        """Make everything in the folder the workload's own. Raises :class:`WorkloadError`."""
        if self._user is None:
            return
        try:
            self._user.own(self.path(payload))
        except OSError as error:
            msg = f"cannot hand the server's folder to its user: {error.strerror or error}"
            raise WorkloadError(msg) from error

    def start_command(self, payload: Payload, engine: Engine, *, program: str) -> Command:
        """Return how to start the server. Raises :class:`WorkloadError` when its files are gone."""
        found = find_start(engine, self.path(payload))
        if found is None:
            msg = f"the files of {engine.name} are gone; send the configuration again"
            raise WorkloadError(msg)
        start, match = found
        return self.command(payload, start.argv, program=program, engine=engine, match=match)

    def command(
        self,
        payload: Payload,
        argv: Sequence[str],
        *,
        program: str,
        engine: Engine | None = None,
        match: str = "",
    ) -> Command:
        """Return a command in the server's folder with an environment that holds none of the agent's."""
        facts = self.facts(payload, engine=engine, program=program) | {"match": match}
        cwd = self.path(payload)
        name, _, value = self.mark.partition("=")
        env = {
            "PATH": f"{Path(program).parent}:{SYSTEM_PATH}" if program else SYSTEM_PATH,
            "HOME": str(cwd),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "TZ": os.environ.get("TZ", "UTC"),
            name: value,
        }
        return Command(tuple(str(part) for part in fill(list(argv), facts)), cwd, env, self._user)


def inside(root: Path, path: Path) -> Path:
    """Refuse a path whose folder leads out of the server's own, by a link that somebody put there."""
    if not path.parent.resolve().is_relative_to(root.resolve()):
        msg = f"{path.name} would lie outside the server's folder"
        raise WorkloadError(msg)
    return path


def _content(file: ManagedFile, facts: Facts, existing: str) -> str:
    enforced: dict[str, Any] = fill(dict(file.enforced), facts)
    defaults: dict[str, Any] = fill(dict(file.defaults), facts)
    if file.format == "properties":
        return merge_properties(existing, enforced=enforced, defaults=defaults)
    if file.format == "json":
        return merge_json(existing, enforced=enforced, defaults=defaults)
    return str(fill(file.text, facts))
