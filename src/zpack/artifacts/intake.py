"""How a file enters the store: staged, checked for its promised digest and its form, then published."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zpack.artifacts.checksums import digest_of
from zpack.artifacts.fetch import Allowed, Fetcher
from zpack.artifacts.folder import keep
from zpack.artifacts.resolvers.vendors import bases_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.artifacts.checksums import Checksum
    from zpack.artifacts.folder import ArtifactFolder, Change
    from zpack.artifacts.progress import Progress
    from zpack.artifacts.resolvers.model import Download, Vendor

_STARTS = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".xz": b"\xfd7zXZ", ".zst": b"\x28\xb5\x2f\xfd"}


class WrongFormError(Exception):
    """A file is not of the kind that its name promises (an error page saved as a jar, a cut archive)."""


@dataclass(frozen=True)
class Place:
    """Where an artifact goes, and which catalog says that it is there."""

    path: str
    games: Change = keep
    runtimes: Change = keep


@dataclass(frozen=True)
class Taken:
    """What entered the store."""

    path: str
    sha256: str
    size: int
    source: str


def check_form(path: Path, name: str) -> None:
    """Look whether a file is what its name says; raises WrongFormError."""
    suffix = Path(name).suffix
    if suffix in {".jar", ".zip"} and not zipfile.is_zipfile(path):
        raise WrongFormError(f"{name} is not a {suffix[1:]} archive")
    start = _STARTS.get(suffix)
    if start is not None:
        with path.open("rb") as content:
            if content.read(len(start)) != start:
                raise WrongFormError(f"{name} is not packed as {suffix}")


def take_file(
    folder: ArtifactFolder, place: Place, file: Path, *, checksum: Checksum | None, progress: Progress
) -> Taken:
    """Copy a local file into the store; raises MismatchError, WrongFormError, OSError."""
    with folder.staging("incoming") as staging:
        staged = staging / "artifact"
        progress.show(f"copy {file.name}")
        shutil.copyfile(file, staged)
        if checksum is not None:
            checksum.check(staged)
        return _publish(folder, place, staged, str(file))


async def take_url(
    folder: ArtifactFolder,
    place: Place,
    url: str,
    *,
    checksum: Checksum | None,
    size: int | None = None,
    fetcher: Fetcher,
    progress: Progress,
) -> Taken:
    """Fetch a file into the store; raises FetchError, MismatchError, WrongFormError, OSError."""
    with folder.staging("incoming") as staging:
        staged = staging / "artifact"
        on_bytes = _bytes_of(progress, f"fetch {Path(urlsplit(url).path).name}")
        await fetcher.file(url, staged, checksum=checksum, size=size, on_bytes=on_bytes)
        return _publish(folder, place, staged, url)


@dataclass(frozen=True)
class Mirror:
    """Fetches what vendors publish; `override` replaces a vendor's addresses by one base of one's own."""

    folder: ArtifactFolder
    progress: Progress
    contact: str = ""

    async def take(
        self,
        vendor: Vendor,
        version: str,
        *,
        build: str | None,
        override: str | None,
        place: Callable[[Download], Place],
    ) -> tuple[Download, Taken]:
        """Resolve and fetch one version; raises ResolveError, FetchError, MismatchError, WrongFormError."""
        bases = bases_of(vendor, override)
        hosts = frozenset({urlsplit(override).netloc}) if override else vendor.hosts()
        async with Fetcher(Allowed(hosts), contact=self.contact) as fetcher:
            self.progress.show(f"look up {vendor.variant} {version}")
            found = await vendor.resolve(fetcher, bases, version, build)
            taken = await take_url(
                self.folder,
                place(found),
                found.url,
                checksum=found.checksum,
                size=found.size,
                fetcher=fetcher,
                progress=self.progress,
            )
        return found, taken


def _publish(folder: ArtifactFolder, place: Place, staged: Path, source: str) -> Taken:
    check_form(staged, place.path)
    taken = Taken(place.path, digest_of(staged), staged.stat().st_size, source)
    folder.publish({place.path: staged}, games=place.games, runtimes=place.runtimes)
    return taken


def _bytes_of(progress: Progress, stage: str) -> Callable[[int, int | None], None]:
    def show(done: int, total: int | None) -> None:
        progress.show(stage, done, total)

    return show
