"""NeoForge: the version list of its Maven repository's API, then the installer in the same repository.

Its version says the Minecraft version: 21.4.111 is for 1.21.4, 21.0.5 for 1.21, and since the new numbering
26.1.0.12 is for 26.1 and 26.1.2.3 for 26.1.2.
"""

from __future__ import annotations

from typing import Any

from zpack.artifacts.catalog import newest_first
from zpack.artifacts.resolvers.model import (
    LATEST,
    Bases,
    Download,
    ResolveError,
    Source,
    Vendor,
    field,
    maven_checksum,
)

_FIRST_YEAR = 26


def game_version(neoforge: str) -> str | None:
    """Tell for which Minecraft version a NeoForge version is; None for the odd ones (snapshots, 0.25w14…)."""
    numbers = neoforge.partition("-")[0].partition("+")[0].split(".")
    if not all(part.isdigit() for part in numbers) or numbers[0] == "0":
        return None
    new_form = int(numbers[0]) >= _FIRST_YEAR
    if len(numbers) != (4 if new_form else 3):
        return None
    parts = numbers[:3] if new_form else ["1", *numbers[:2]]
    return ".".join(parts[:2] if parts[2] == "0" else parts)


def choose_version(listing: Any, version: str, build: str | None) -> tuple[str, str]:
    """Take the newest NeoForge for a Minecraft version, as (version, build); raises ResolveError.

    A finished release is preferred to a newer beta.
    """
    known = newest_first(str(name) for name in field(listing, "versions"))
    fitting = [(game, name) for name in known if (game := game_version(name)) and version in {game, LATEST}]
    if build is not None:
        fitting = [(game, name) for game, name in fitting if name == build]
    finished = [(game, name) for game, name in fitting if "-" not in name]
    if not fitting:
        raise ResolveError(f"NeoForge has no {f'build {build}' if build else 'release'} for {version}")
    return (finished or fitting)[0]


async def resolve(source: Source, bases: Bases, version: str, build: str | None) -> Download:
    """Find the NeoForge installer of a version; raises ResolveError."""
    listing = await source.json(f"{bases['maven']}/api/maven/versions/releases/net/neoforged/neoforge")
    version, build = choose_version(listing, version, build)
    url = f"{bases['maven']}/releases/net/neoforged/neoforge/{build}/neoforge-{build}-installer.jar"
    return Download(url=url, version=version, build=build, checksum=await maven_checksum(source, url))


NEOFORGE = Vendor(
    variant="neoforge",
    bases={"maven": "https://maven.neoforged.net"},
    more_hosts=frozenset(),
    resolve=resolve,
)
