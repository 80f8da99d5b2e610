"""What every resolver needs and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from zpack.artifacts.checksums import Checksum

LATEST = "latest"


class ResolveError(Exception):
    """The vendor has no such version or build, or answered in another shape than it documents."""


@dataclass(frozen=True)
class Download:
    """One file to fetch and what it must turn out to be."""

    url: str
    version: str
    build: str = ""
    checksum: Checksum | None = None
    """None only where the vendor publishes none."""
    size: int | None = None


class Source(Protocol):
    """The part of the fetcher a resolver uses."""

    async def json(self, url: str) -> Any:
        """Get a JSON document; raises FetchError."""
        ...

    async def text(self, url: str) -> str | None:
        """Get a short text, None where there is none; raises FetchError."""
        ...


Bases = Mapping[str, str]
Resolve = Callable[[Source, Bases, str, str | None], Awaitable[Download]]


@dataclass(frozen=True)
class Vendor:
    """One vendor's API: where it is, whom it may send us to, how it is read."""

    variant: str
    bases: Bases
    more_hosts: frozenset[str]
    """Hosts, besides those of `bases`, that its answers name for downloads."""
    resolve: Resolve

    def hosts(self) -> frozenset[str]:
        """Name every host the vendor may make us fetch from."""
        return self.more_hosts | {urlsplit(base).netloc for base in self.bases.values()}


def field(value: Any, *path: str | int) -> Any:
    """Follow keys and indexes into a JSON value; raises ResolveError that says where it ended."""
    for depth, part in enumerate(path):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError) as error:
            place = "/".join(str(step) for step in path[: depth + 1])
            raise ResolveError(f"the vendor's answer has no {place}") from error
    return value


async def maven_checksum(source: Source, url: str) -> Checksum:
    """Read the digest a Maven repository keeps beside a file; raises ResolveError if there is none."""
    for algorithm in ("sha256", "sha1"):
        text = await source.text(f"{url}.{algorithm}")
        if text is not None:
            return Checksum.parse(algorithm, text.split()[0] if text.split() else "")
    raise ResolveError(f"no checksum is published for {url}")
