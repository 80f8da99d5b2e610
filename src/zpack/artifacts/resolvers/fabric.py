"""Fabric's metadata API v2: game, loader and installer versions make the address of a server launcher jar.

Fabric publishes no checksum for this jar (it is made on request): HTTPS and its form as a jar must do.
"""

from __future__ import annotations

from typing import Any

from zpack.artifacts.resolvers.model import LATEST, Bases, Download, ResolveError, Source, Vendor, field


def newest_stable(entries: Any, what: str) -> str:
    """Name the first stable entry of a list of versions, newest first; raises ResolveError."""
    for entry in entries:
        if field(entry, "stable"):
            return field(entry, "version")
    raise ResolveError(f"Fabric lists no stable {what}")


def choose_loader(loaders: Any, game: str, build: str | None) -> str:
    """Check that the wanted loader supports the game version, or take the newest; raises ResolveError.

    Args:
        loaders: The answer of `/v2/versions/loader/{game}`; empty for an unknown game version.
        game: The Minecraft version.
        build: A loader version, or none for the newest stable one.
    """
    known = [field(entry, "loader") for entry in loaders]
    if not known:
        raise ResolveError(f"Fabric has no loader for {game}")
    if build is None:
        return newest_stable(known, f"loader for {game}")
    if build not in [field(loader, "version") for loader in known]:
        raise ResolveError(f"Fabric has no loader {build} for {game}")
    return build


async def resolve(source: Source, bases: Bases, version: str, build: str | None) -> Download:
    """Find the Fabric server launcher of a version; raises ResolveError."""
    versions = f"{bases['meta']}/v2/versions"
    if version == LATEST:
        version = newest_stable(await source.json(f"{versions}/game"), "game version")
    loader = choose_loader(await source.json(f"{versions}/loader/{version}"), version, build)
    installer = newest_stable(await source.json(f"{versions}/installer"), "installer")
    url = f"{versions}/loader/{version}/{loader}/{installer}/server/jar"
    return Download(url=url, version=version, build=loader)


FABRIC = Vendor(
    variant="fabric",
    bases={"meta": "https://meta.fabricmc.net"},
    more_hosts=frozenset(),
    resolve=resolve,
)
