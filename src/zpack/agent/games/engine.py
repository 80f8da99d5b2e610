"""What an engine file says, as types, and how its placeholders are filled. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Facts = dict[str, str | int]

PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")
KNOWN_FACTS = frozenset({
    "java", "node", "python", "bind_ip", "port", "world", "version", "variant", "game", "vmid", "hostname",
    "memory_mb", "heap_mb", "match",
})  # fmt: skip


@dataclass(frozen=True)
class Seed:
    """Every artifact listed below ``source`` is placed in ``target`` before the first start."""

    source: str
    target: str


@dataclass(frozen=True)
class Install:
    """How the artifact becomes a server: placed as a file, unpacked, or run as an installer."""

    kind: Literal["file", "archive", "installer"]
    target: str
    """Name of the file in the server's folder; empty for an archive."""
    command: tuple[str, ...]
    """What runs an installer."""
    seeds: tuple[Seed, ...]


@dataclass(frozen=True)
class Start:
    """One way to start; the first whose ``needs`` matches a file is taken and becomes ``{match}``."""

    needs: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Stop:
    """How to ask the server to end; without a console command it gets the signal."""

    command: str
    signal: str
    grace_seconds: float
    words: tuple[str, ...]
    """What, typed at the console, ends the server; whoever types it wants it stopped."""


@dataclass(frozen=True)
class Archiving:
    """How a running server is told to leave its world alone, and what a backup leaves out.

    An engine without a command is simply not told; one without an answer is not waited for.
    """

    flush: str
    flushed: tuple[str, ...]
    """What it says, after its stamp, when the world is written out."""
    pause: str
    paused: tuple[str, ...]
    resume: str
    confirm_seconds: float
    skip: tuple[str, ...]
    """Patterns of entries of the server's folder that the installation makes again."""


@dataclass(frozen=True)
class Ready:
    """How to know that it serves."""

    probe: Literal["minecraft_ping", "luanti_ping"]
    timeout_seconds: float


@dataclass(frozen=True)
class ManagedFile:
    """A file the agent writes before each start: ``enforced`` always, ``defaults`` where nothing stands."""

    path: str
    format: Literal["properties", "json", "text"]
    enforced: Mapping[str, Any]
    defaults: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Engine:
    """One variant of one game."""

    game: str
    variant: str
    name: str
    runtime: Literal["java", "node", "python", "native"]
    """What executes the server; a native one is a program itself."""
    ports: tuple[str, ...]
    """What each port of the payload is for, in order."""
    install: Install
    starts: tuple[Start, ...]
    stop: Stop
    ready: Ready
    archiving: Archiving
    folders: tuple[str, ...]
    """Folders that must exist before the start."""
    mods_folder: str
    """Where the game looks for mods or plugins; empty when it takes none."""
    files: tuple[ManagedFile, ...]


def placeholders(value: Any) -> set[str]:
    """Return the names of all placeholders in a string, list or table."""
    if isinstance(value, str):
        return set(PLACEHOLDER.findall(value))
    if isinstance(value, dict):
        return {name for part in value.values() for name in placeholders(part)}
    if isinstance(value, list | tuple):
        return {name for part in value for name in placeholders(part)}
    return set()


def fill(value: Any, facts: Facts) -> Any:
    """Fill placeholders; a string that is one placeholder keeps the fact's type. Raises ``KeyError``."""
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        if whole:
            return facts[whole[1]]
        return PLACEHOLDER.sub(lambda found: str(facts[found[1]]), value)
    if isinstance(value, dict):
        return {key: fill(part, facts) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [fill(part, facts) for part in value]
    return value


def heap_mb(memory_mb: int) -> int:
    """Return the heap for a runtime in that much memory: a fifth, at least 192 MiB, stays outside it."""
    return max(64, memory_mb - max(192, memory_mb // 5))
