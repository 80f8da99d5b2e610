"""Forge: the list of promoted builds (promotions_slim.json), then the installer in its Maven repository."""

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


def promoted_build(promotions: Any, version: str) -> tuple[str, str]:
    """Take the recommended build of a version, else its latest, as (version, build); raises ResolveError."""
    promos = field(promotions, "promos")
    if version == LATEST:
        version = field(newest_first({key.rpartition("-")[0] for key in promos}), 0)
    for promotion in ("recommended", "latest"):
        build = promos.get(f"{version}-{promotion}")
        if build is not None:
            return version, build
    raise ResolveError(f"Forge promotes no build for {version}")


def installer_url(maven: str, version: str, build: str) -> str:
    """Address a build's installer."""
    name = f"{version}-{build}"
    return f"{maven}/net/minecraftforge/forge/{name}/forge-{name}-installer.jar"


async def resolve(source: Source, bases: Bases, version: str, build: str | None) -> Download:
    """Find the Forge installer of a version; raises ResolveError."""
    if build is None or version == LATEST:
        promotions = f"{bases['files']}/net/minecraftforge/forge/promotions_slim.json"
        version, build = promoted_build(await source.json(promotions), version)
    url = installer_url(bases["maven"], version, build)
    return Download(url=url, version=version, build=build, checksum=await maven_checksum(source, url))


FORGE = Vendor(
    variant="forge",
    bases={"files": "https://files.minecraftforge.net", "maven": "https://maven.minecraftforge.net"},
    more_hosts=frozenset(),
    resolve=resolve,
)
