"""What a caller may do with which path (contract §4.5). Pure: a policy is a value, there are two of them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from zpack.agent.rooted.paths import MISLEADING, OutsideRoot, names_of, plain

if TYPE_CHECKING:
    from zpack.wire.agent import FileChange, FolderChange

MIB = 1024 * 1024
SHADOW = ".zlh-shadow"
METADATA = ".zlh_metadata.json"
TEMPORARY = ".zlh-tmp-"
ANYTHING = "**"
JAR_BYTES = 250 * MIB
DATAPACK_BYTES = 100 * MIB
SETTINGS_BYTES = 1 * MIB
TEXT_BYTES = 1 * MIB
MOVED_BYTES = 1 << 63
"""To a name beside the old one any file may be moved."""


@dataclass(frozen=True)
class Policy:
    """Patterns of paths; ``*`` matches within one name, ``**`` alone matches every path."""

    writes: tuple[str, ...]
    deletes: tuple[str, ...]
    uploads: tuple[tuple[str, int], ...]
    """Pattern and limit in bytes; the first that matches counts."""
    write_bytes: int
    text_bytes: int = TEXT_BYTES
    folders: bool = False
    """Folders may be created and removed."""
    shadows: bool = True
    """The content before the first write is kept."""

    def readable(self, path: str) -> str:
        """Return the path when it may be seen. Raises :class:`OutsideRoot`."""
        if not all(visible(name) for name in names_of(path)):
            raise OutsideRoot("this name is the agent's own")
        return path

    def writable(self, path: str) -> str:
        """Return the path when it may be overwritten. Raises :class:`OutsideRoot`."""
        return plain(self._listed(path, self.writes, "is not among the files that may be edited"))

    def deletable(self, path: str) -> str:
        """Return the path when it may be removed. Raises :class:`OutsideRoot`."""
        return self._listed(path, self.deletes, "is not among the files that may be removed")

    def upload_limit(self, path: str) -> int:
        """Return how large an upload to this path may be. Raises :class:`OutsideRoot`."""
        self.readable(path)
        for pattern, limit in self.uploads:
            if matches(pattern, path):
                plain(path)
                return limit
        msg = f"{path or 'the folder itself'} is not where files may be uploaded to"
        raise OutsideRoot(msg)

    def movable(self, path: str, to: str) -> int:
        """Return how large a file may be to be moved so. Raises :class:`OutsideRoot`.

        What may be uploaded or removed may be moved: to where it could be uploaded, or to a name beside it.
        """
        self._listed(path, self._own, "is not among the files that may be moved")
        if path.rpartition("/")[0] == to.rpartition("/")[0] and _any(self.deletes, to):
            plain(self.readable(to))
            return MOVED_BYTES
        return self.upload_limit(to)

    def changes(self, path: str) -> list[FileChange]:
        """Return what may be done to a file, or to a folder where the policy knows them."""
        named: tuple[tuple[FileChange, tuple[str, ...]], ...] = (
            ("write", self.writes),
            ("delete", self.deletes),
            ("move", self._own),
        )
        misleading = not MISLEADING.isdisjoint(path)
        return [
            verb for verb, patterns in named if _any(patterns, path) and not (verb == "write" and misleading)
        ]

    def takes(self, folder: str) -> list[FolderChange]:
        """Return what may be put into a folder."""
        patterns = [pattern for pattern, _ in self.uploads]
        holders = [pattern.rpartition("/")[0] for pattern in patterns]
        uploads: list[FolderChange] = ["upload"] if ANYTHING in patterns or folder in holders else []
        return [*uploads, "new"] if self.folders else uploads

    @property
    def _own(self) -> tuple[str, ...]:
        return (*self.deletes, *(pattern for pattern, _ in self.uploads))

    def _listed(self, path: str, patterns: tuple[str, ...], otherwise: str) -> str:
        self.readable(path)
        if not _any(patterns, path):
            msg = f"{path or 'the folder itself'} {otherwise}"
            raise OutsideRoot(msg)
        return path


def visible(name: str) -> bool:
    """Say whether a name is the customer's, and not one of the agent's own."""
    folded = name.casefold()
    return folded not in {SHADOW, METADATA} and not folded.startswith(TEMPORARY)


def matches(pattern: str, path: str) -> bool:
    """Say whether a path is meant by a pattern, name by name."""
    if pattern == ANYTHING:
        return bool(path)
    patterns, names = pattern.split("/"), path.split("/")
    return len(patterns) == len(names) and all(map(fnmatchcase, names, patterns))


def _any(patterns: tuple[str, ...], path: str) -> bool:
    return any(matches(pattern, path) for pattern in patterns)


def game_policy(world: str = "world") -> Policy:
    """Return what holds for a game server whose level is in the folder ``world``."""
    levels = dict.fromkeys(("world", world))
    return Policy(
        writes=("server.properties", "config/?*.toml", "config/?*.json", "config/?*.properties"),
        deletes=("mods-removed/*", "mods-uploaded/*", "logs/?*.log", "logs/?*.log.gz"),
        uploads=(
            ("mods/?*.jar", JAR_BYTES),
            *((f"{level}/datapacks/?*.zip", DATAPACK_BYTES) for level in levels),
        ),
        write_bytes=SETTINGS_BYTES,
    )


DEV = Policy(
    writes=(ANYTHING,),
    deletes=(ANYTHING,),
    uploads=((ANYTHING, 2048 * MIB),),
    write_bytes=64 * MIB,
    folders=True,
    shadows=False,
)
"""What holds inside a dev container's workspace: everything, within limits."""
