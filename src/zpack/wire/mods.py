"""What the API and the agent say to each other about mods (contract §4.7)."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

ModSource = Literal["modrinth", "user"]


class Mod(TypedDict):
    """One file in the server's folder of mods."""

    id: str
    """The file's name while it is enabled; it stays when the mod is switched off."""
    name: str
    filename: str
    """The file's name now."""
    enabled: bool
    sizeBytes: int
    modified: str
    sha512: str | None
    """``None`` while the agent has not read the file yet."""
    source: str | None
    """Who brought it, when that was written down; nothing is inferred from names."""
    projectId: str | None
    versionId: str | None


class ModList(TypedDict):
    """``GET /game/mods``."""

    folder: str
    mods: list[Mod]


class ModOrder(TypedDict):
    """``POST /game/mods/install``; one hash is needed, the strongest that is given counts."""

    source: Literal["modrinth"]
    download_url: str
    filename: str
    sha512: NotRequired[str]
    sha256: NotRequired[str]
    sha1: NotRequired[str]
    project_id: NotRequired[str]
    version_id: NotRequired[str]
    name: NotRequired[str]


class ModChanged(TypedDict):
    """What an install or a switch answers."""

    ok: bool
    mod: Mod
    restartRequired: bool
    """The game runs, and takes notice of its mods only when it starts."""


class ModRemoved(TypedDict):
    """``DELETE /game/mods/{id}``: the file is put away, not destroyed."""

    ok: bool
    deleted: bool
    id: str
    movedTo: str
    restartRequired: bool
