"""Mojang's launcher metadata: version manifest v2, then the version's own document, then the server's jar."""

from __future__ import annotations

from typing import Any

from zpack.artifacts.checksums import Checksum
from zpack.artifacts.resolvers.model import LATEST, Bases, Download, ResolveError, Source, Vendor, field


def version_url(manifest: Any, version: str) -> tuple[str, str]:
    """Find a version's document in the manifest, as (version, url); raises ResolveError."""
    wanted = field(manifest, "latest", "release") if version == LATEST else version
    for entry in field(manifest, "versions"):
        if field(entry, "id") == wanted:
            return wanted, field(entry, "url")
    raise ResolveError(f"Mojang lists no version {wanted}")


def server_download(document: Any) -> Download:
    """Read the server's jar from a version's document; raises ResolveError, also for versions without one."""
    downloads = field(document, "downloads")
    if "server" not in downloads:
        raise ResolveError(f"Mojang offers no server for {field(document, 'id')}")
    return Download(
        url=field(downloads, "server", "url"),
        version=field(document, "id"),
        checksum=Checksum.parse("sha1", field(downloads, "server", "sha1")),
        size=field(downloads, "server", "size"),
    )


async def resolve(source: Source, bases: Bases, version: str, build: str | None) -> Download:
    """Find the vanilla server of a version; raises ResolveError."""
    if build is not None:
        raise ResolveError("vanilla has no builds: a version is one file")
    _, url = version_url(await source.json(f"{bases['meta']}/mc/game/version_manifest_v2.json"), version)
    return server_download(await source.json(url))


MOJANG = Vendor(
    variant="vanilla",
    bases={"meta": "https://piston-meta.mojang.com"},
    more_hosts=frozenset({"piston-data.mojang.com", "launcher.mojang.com"}),
    resolve=resolve,
)
