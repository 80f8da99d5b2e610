"""Purpur's API v2: a version's builds, a build's MD5, and its download address."""

from __future__ import annotations

from typing import Any

from zpack.artifacts.checksums import Checksum
from zpack.artifacts.resolvers.model import LATEST, Bases, Download, ResolveError, Source, Vendor, field


def newest_version(project: Any) -> str:
    """Name the version the project calls current, else the last it lists; raises ResolveError."""
    current = project.get("metadata", {}).get("current") if isinstance(project, dict) else None
    return current or field(project, "versions", -1)


def choose_build(version: Any, build: str | None) -> str:
    """Check that the wanted build exists, or take the latest; raises ResolveError."""
    if build is None:
        return str(field(version, "builds", "latest"))
    if build not in [str(known) for known in field(version, "builds", "all")]:
        raise ResolveError(f"Purpur {field(version, 'version')} has no build {build}")
    return build


def server_download(api: str, document: Any) -> Download:
    """Turn a build's document into its download; raises ResolveError for a build that failed."""
    version, build = field(document, "version"), str(field(document, "build"))
    if field(document, "result") != "SUCCESS":
        raise ResolveError(f"Purpur {version} build {build} did not succeed: {field(document, 'result')}")
    return Download(
        url=f"{api}/v2/purpur/{version}/{build}/download",
        version=version,
        build=build,
        checksum=Checksum.parse("md5", field(document, "md5")),
    )


async def resolve(source: Source, bases: Bases, version: str, build: str | None) -> Download:
    """Find the Purpur server of a version; raises ResolveError."""
    project = f"{bases['api']}/v2/purpur"
    if version == LATEST:
        version = newest_version(await source.json(project))
    number = choose_build(await source.json(f"{project}/{version}"), build)
    return server_download(bases["api"], await source.json(f"{project}/{version}/{number}"))


PURPUR = Vendor(
    variant="purpur",
    bases={"api": "https://api.purpurmc.org"},
    more_hosts=frozenset(),
    resolve=resolve,
)
