"""PaperMC's download service, Fill v3: a project's versions, a version's builds, a build's server jar."""

from __future__ import annotations

from typing import Any

from zpack.artifacts.checksums import Checksum
from zpack.artifacts.resolvers.model import LATEST, Bases, Download, ResolveError, Source, Vendor, field


def newest_version(project: Any) -> str:
    """Name the newest version of a project, which lists its families newest first; raises ResolveError."""
    families = list(field(project, "versions").values())
    return field(families, 0, 0)


def choose_build(builds: Any, version: str, build: str | None) -> Download:
    """Take the wanted build, or the newest stable one; raises ResolveError.

    Args:
        builds: The answer of `/v3/projects/paper/versions/{version}/builds`, newest first.
        version: The Minecraft version asked for.
        build: A build's number, or none for the newest of channel STABLE.
    """
    for candidate in sorted(builds, key=lambda entry: field(entry, "id"), reverse=True):
        number, channel = str(field(candidate, "id")), field(candidate, "channel")
        if number == build or (build is None and channel == "STABLE"):
            server = field(candidate, "downloads", "server:default")
            return Download(
                url=field(server, "url"),
                version=version,
                build=number,
                checksum=Checksum.parse("sha256", field(server, "checksums", "sha256")),
                size=field(server, "size"),
            )
    raise ResolveError(f"Paper {version} has no {f'build {build}' if build else 'stable build: name one'}")


async def resolve(source: Source, bases: Bases, version: str, build: str | None) -> Download:
    """Find the Paper server of a version; raises ResolveError."""
    project = f"{bases['api']}/v3/projects/paper"
    if version == LATEST:
        version = newest_version(await source.json(project))
    return choose_build(await source.json(f"{project}/versions/{version}/builds"), version, build)


PAPERMC = Vendor(
    variant="paper",
    bases={"api": "https://fill.papermc.io"},
    more_hosts=frozenset({"fill-data.papermc.io"}),
    resolve=resolve,
)
