"""What a caller may do with which path (contract §4.5). Pure: a policy is a value, there are two of them."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from zpack.agent.rooted.paths import OutsideRoot, names_of

MIB = 1024 * 1024
SHADOW = ".zlh-shadow"
METADATA = ".zlh_metadata.json"
TEMPORARY = ".zlh-tmp-"
ANYTHING = "**"
JAR_BYTES = 250 * MIB
DATAPACK_BYTES = 100 * MIB
SETTINGS_BYTES = 1 * MIB
TEXT_BYTES = 1 * MIB


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
        return self._listed(path, self.writes, "is not among the files that may be edited")

    def deletable(self, path: str) -> str:
        """Return the path when it may be removed. Raises :class:`OutsideRoot`."""
        return self._listed(path, self.deletes, "is not among the files that may be removed")

    def upload_limit(self, path: str) -> int:
        """Return how large an upload to this path may be. Raises :class:`OutsideRoot`."""
        self.readable(path)
        for pattern, limit in self.uploads:
            if matches(pattern, path):
                return limit
        msg = f"{path or 'the folder itself'} is not where files may be uploaded to"
        raise OutsideRoot(msg)

    def _listed(self, path: str, patterns: tuple[str, ...], otherwise: str) -> str:
        self.readable(path)
        if not any(matches(pattern, path) for pattern in patterns):
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
