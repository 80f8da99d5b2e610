"""Chooses the version and the file of a mod for a server: pure (contract §9.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zpack.control.mods.models import ModFile, ModVersion

LOADERS: dict[str, tuple[str, ...]] = {
    "fabric": ("fabric",),
    "forge": ("forge",),
    "neoforge": ("neoforge",),
    "quilt": ("quilt", "fabric"),
    "paper": ("paper", "spigot", "bukkit"),
    "purpur": ("purpur", "paper", "spigot", "bukkit"),
}
"""What each engine loads; Paper's and Purpur's are plugins, which Modrinth keeps under the same rules."""
PLUGINS = frozenset({"paper", "purpur"})
UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")
MAX_NAME = 150


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be installed."""

    version: ModVersion
    file: ModFile

    @property
    def filename(self) -> str:
        """The file's name in the characters an agent takes (contract §4.7)."""
        stem = UNSAFE.sub("_", self.file.filename.removesuffix(".jar")).lstrip(".")[:MAX_NAME]
        return f"{stem or self.version.project_id}.jar"

    @property
    def hash(self) -> dict[str, str]:
        """The strongest hash there is."""
        if self.file.sha512:
            return {"sha512": self.file.sha512}
        return {"sha1": self.file.sha1} if self.file.sha1 else {}


def choose(
    versions: Iterable[ModVersion],
    *,
    loaders: Sequence[str],
    game_version: str,
    origins: Sequence[str],
    wanted: str | None = None,
) -> Choice | None:
    """Return the newest fitting version that is no alpha, with its file, or None when there is none.

    ``wanted`` is the id or number of the one version that is asked for; it must fit all the same.
    """
    fitting = [
        Choice(version, file)
        for version in versions
        if version.loaders.intersection(loaders)
        and game_version in version.game_versions
        and version.kind in {"release", "beta"}
        and (wanted is None or wanted in {version.id, version.number})
        and (file := _file_of(version, origins)) is not None
    ]
    return max(fitting, key=lambda each: each.version.published, default=None)


def facets(engine: str, game_version: str) -> list[list[str]]:
    """Return the search facets of a server: loaders, game version, and what runs on servers at all."""
    kinds = ("plugin", "mod") if engine in PLUGINS else ("mod",)
    return [
        [f"project_type:{kind}" for kind in kinds],
        [f"categories:{loader}" for loader in LOADERS[engine]],
        [f"versions:{game_version}"],
        ["server_side:required", "server_side:optional", "server_side:unknown"],
    ]


def version_view(version: ModVersion) -> dict[str, Any]:
    """Return a chosen version as clients see it."""
    return {
        "id": version.id,
        "number": version.number,
        "type": version.kind,
        "datePublished": version.published,
    }


def _file_of(version: ModVersion, origins: Sequence[str]) -> ModFile | None:
    """Return the primary file, the first where none is marked, when it may be installed."""
    if not version.files:
        return None
    file = next((each for each in version.files if each.primary), version.files[0])
    fit = file.filename.endswith(".jar") and (file.sha512 or file.sha1) and _origin(file.url) in origins
    return file if fit else None


def _origin(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not url.isascii() or not url.isprintable() or "@" in parts.netloc or "\\" in url or not parts.hostname:
        return None
    standard = {"https": 443, "http": 80}.get(parts.scheme)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in {None, standard} else f":{port}")
