"""The artifact folder on disk: one writer at a time, and readers that never see half of a change.

Order of a change: the artifact itself, then SHA256SUMS (which already knows the coming catalogs), then the
catalogs. A reader that finds a version in the catalog therefore always finds its file and its checksum.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zpack.artifacts import catalog, layout
from zpack.artifacts.catalog import Document
from zpack.artifacts.checksums import ChecksumError, digest_of, parse_sums, render_sums

_TOPS = {layout.CATALOG: "games", layout.RUNTIME_CATALOG: "runtimes"}
Change = Callable[[Document], Document]


@dataclass(frozen=True)
class Finding:
    """What verify found wrong with one path."""

    path: str
    problem: Literal["missing", "changed", "unlisted", "not in folder"]


def keep(document: Document) -> Document:
    """Leave a catalog as it is."""
    return document


class ArtifactFolder:
    """One artifact folder; every change goes through `publish`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def games(self) -> Document:
        """Read the game catalog; raises CatalogError."""
        return self._catalog(layout.CATALOG)

    def runtimes(self) -> Document:
        """Read the catalog of development runtimes; raises CatalogError."""
        return self._catalog(layout.RUNTIME_CATALOG)

    def sums(self) -> dict[str, str]:
        """Read the checksums of everything; raises ChecksumError."""
        path = self.root / layout.SUMS
        return parse_sums(path.read_text("utf-8")) if path.exists() else {}

    @contextmanager
    def staging(self, purpose: str) -> Generator[Path]:
        """Give a private folder on the same file system, gone afterwards whatever happens."""
        self.root.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=f".{purpose}-", dir=self.root))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def locked(self, name: str = "lock", on_wait: Callable[[], None] | None = None) -> Generator[None]:
        """Keep other processes out; `on_wait` is called once when another one has to be waited for."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{name}").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait is not None:
                    on_wait()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield  # closing the file gives the lock back

    def publish(self, files: Mapping[str, Path], *, games: Change = keep, runtimes: Change = keep) -> None:
        """Take staged files into the folder and the change into its catalogs, in one step for readers.

        Args:
            files: Relative path → staged file on the same file system (see `staging`); moved, not copied.
            games: What becomes of the game catalog.
            runtimes: What becomes of the runtime catalog.
        """
        with self.locked():
            self._finish_interrupted()
            sums = self.sums()
            for path, staged in files.items():
                sums[path] = digest_of(staged)
            texts = {
                layout.CATALOG: catalog.render(games(self.games())),
                layout.RUNTIME_CATALOG: catalog.render(runtimes(self.runtimes())),
            }
            for path, staged in files.items():
                self._move(staged, self.root / path)
            for path, text in texts.items():
                sums[path] = hashlib.sha256(text).hexdigest()
                self._write(self._coming(path), text)
            self._write(self._coming(layout.SUMS), render_sums(sums))
            for path in (layout.SUMS, *texts):
                self._coming(path).replace(self.root / path)

    def verify(self, on_file: Callable[[int, int], None] | None = None) -> list[Finding]:
        """Hash everything again and name what is not as listed; raises ChecksumError."""
        with self.locked():
            self._finish_interrupted()
            if not (self.root / layout.SUMS).exists():
                raise ChecksumError(f"there is no {layout.SUMS} in {self.root}")
            sums = self.sums()
            found = [
                Finding(path, "unlisted") for path in self._public_files() if path not in {*sums, layout.SUMS}
            ]
            for done, (path, digest) in enumerate(sorted(sums.items()), start=1):
                problem = self._problem(path, digest)
                if problem is not None:
                    found.append(Finding(path, problem))
                if on_file is not None:
                    on_file(done, len(sums))
            return sorted(found, key=lambda finding: finding.path)

    def _problem(self, path: str, digest: str) -> Literal["missing", "changed", "not in folder"] | None:
        if not layout.is_public(path):
            return "not in folder"
        file = self.root / path
        if not file.is_file():
            return "missing"
        return None if digest_of(file) == digest else "changed"

    def _public_files(self) -> list[str]:
        names = (path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())
        return sorted(name for name in names if layout.is_public(name))

    def _catalog(self, name: str) -> Document:
        path = self.root / name
        if path.exists():
            return catalog.parse(path.read_text("utf-8"), top=_TOPS[name])
        return {_TOPS[name]: []}

    def _coming(self, path: str) -> Path:
        target = self.root / path
        return target.with_name(f".{target.name}.coming")

    def _finish_interrupted(self) -> None:
        # A writer that died between SHA256SUMS and a catalog left the catalog's new text beside it: it counts
        # if the sums already name it, otherwise the change never happened.
        sums = self.sums()
        for path in _TOPS:
            coming = self._coming(path)
            if not coming.exists():
                continue
            if digest_of(coming) == sums.get(path):
                coming.replace(self.root / path)
            else:
                coming.unlink()
        self._coming(layout.SUMS).unlink(missing_ok=True)

    def _move(self, staged: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.chmod(0o644)
        with staged.open("rb") as content:
            os.fsync(content.fileno())
        staged.replace(target)

    def _write(self, path: Path, text: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
