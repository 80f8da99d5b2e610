"""Looking at files, and the changes that are done in one step. Blocking: called in a thread."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from zpack.agent.files.beside import Beside
from zpack.agent.files.conditions import etag_of
from zpack.agent.files.moving import move
from zpack.agent.files.policy import visible
from zpack.agent.files.quota import BLOCK
from zpack.agent.problems import Invalid, TooLarge
from zpack.agent.rooted.paths import OutsideRoot, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zpack.agent.files.leftovers import Leftovers
    from zpack.agent.files.place import Place
    from zpack.agent.files.provenance import Provenance
    from zpack.agent.files.shadow import Shadows
    from zpack.agent.rooted.root import Root
    from zpack.wire.agent import FileChange, FileDeleted, FileEntry, FileFacts, FileListing, FileText

MAX_ENTRIES = 5000


def moment(seconds: float) -> str:
    """Return a time as RFC 3339 with a Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def kind_of(about: os.stat_result) -> Literal["file", "dir"] | None:
    """Return what a customer can use; nothing for links, pipes and devices."""
    if stat.S_ISDIR(about.st_mode):
        return "dir"
    return "file" if stat.S_ISREG(about.st_mode) else None


class Files:
    """The verbs that need no stream."""

    def __init__(self, *, provenance: Provenance, shadows: Shadows, leftovers: Leftovers) -> None:
        self._provenance = provenance
        self._shadows = shadows
        self._leftovers = leftovers

    def list(self, place: Place, path: str) -> FileListing:
        """Return what is in a folder, by name. Raises refusals."""
        place.policy.readable(path)
        with place.open() as root:
            folder = root.open_folder(path)
            try:
                found = list(_entries(folder))
            finally:
                os.close(folder)
            record = self._provenance.read(root)
        named = sorted((entry for entry in found if _sayable(entry[0])), key=lambda entry: entry[0])
        return {
            "path": path,
            "entries": [self._entry(place, record, path, *entry) for entry in named[:MAX_ENTRIES]],
            "truncated": len(named) > MAX_ENTRIES,
            "unnamed": len(found) - len(named),
            "takes": place.policy.takes(path),
        }

    def _entry(
        self, place: Place, record: dict[str, dict[str, Any]], folder: str, name: str, about: os.stat_result
    ) -> FileEntry:
        path = f"{folder}/{name}" if folder else name
        entry: FileEntry = {
            "name": name,
            "path": path,
            "type": "dir" if stat.S_ISDIR(about.st_mode) else "file",
            "size": about.st_size,
            "modified": moment(about.st_mtime),
            "allowed": self._allowed(place, path, about),
        }
        if source := self._provenance.source(record, path):
            entry["source"] = source
        return entry

    @staticmethod
    def _allowed(place: Place, path: str, about: os.stat_result) -> list[FileChange]:
        """Return what may be done to it; with a folder only where the policy knows folders."""
        if stat.S_ISDIR(about.st_mode):
            return (
                [verb for verb in place.policy.changes(path) if verb != "write"]
                if place.policy.folders
                else []
            )
        return place.policy.changes(path)

    def stat(self, place: Place, path: str) -> FileFacts:
        """Return what is known of one file or folder. Raises refusals."""
        place.policy.readable(path)
        with place.open() as root:
            return self.facts(place, root, path)

    def facts(self, place: Place, root: Root, path: str) -> FileFacts:
        """Return what is known of one file or folder beneath an open root. Raises refusals."""
        about = root.stat(path)
        kind = kind_of(about)
        if kind is None:
            raise OutsideRoot("it is a link or a device")
        return {
            "path": path,
            "type": kind,
            "size": about.st_size,
            "modified": moment(about.st_mtime),
            "source": self._provenance.source(self._provenance.read(root), path),
            "hasShadow": kind == "file" and self._shadows.has(root, path),
            "etag": etag_of(about),
            "allowed": self._allowed(place, path, about),
        }

    def read(self, place: Place, path: str) -> FileText:
        """Return a text file's content. Raises :class:`TooLarge`, :class:`Invalid` and other refusals."""
        place.policy.readable(path)
        limit = place.policy.text_bytes
        with place.open() as root, os.fdopen(root.open_file(path, os.O_RDONLY), "rb") as file:
            about = os.fstat(file.fileno())
            content = file.read(limit + 1)
        if len(content) > limit:
            msg = f"only files up to {limit} bytes are read as text; download it instead"
            raise TooLarge(msg)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise Invalid("it is no text; download it instead", code="not_text")
        return {
            "path": path,
            "content": text,
            "size": len(content),
            "modified": moment(about.st_mtime),
            "etag": etag_of(about),
        }

    def delete(self, place: Place, path: str) -> FileDeleted:
        """Remove a file, or a folder where the policy knows folders. Raises refusals."""
        place.policy.deletable(path)
        with place.open() as root:
            about = root.stat(path)
            if kind_of(about) == "dir":
                if not place.policy.folders:
                    raise OutsideRoot("folders are not removed here")
                root.remove_tree(path)
            elif kind_of(about) == "file":
                root.unlink(path)
            else:
                raise OutsideRoot("it is a link or a device")
            place.quota.give_back(about.st_blocks * BLOCK)
            self._provenance.removed(root, path, folder=place.folder)
        return {"deleted": True, "path": path}

    def move(self, place: Place, path: str, to: str, *, overwrite: bool) -> FileFacts:
        """Give a file another name or folder. Raises refusals."""
        with place.open() as root:
            place.quota.give_back(BLOCK * move(root, place.policy, path, to, overwrite=overwrite))
            self._provenance.moved(root, path, to, folder=place.folder)
            return self.facts(place, root, to)

    def make_folder(self, place: Place, path: str) -> FileFacts:
        """Create a folder, where the policy knows folders. Raises refusals."""
        place.policy.writable(path)
        if not place.policy.folders:
            raise OutsideRoot("folders are not created here")
        with place.open() as root:
            root.make_folder(path)
            return self.facts(place, root, path)

    def revert(self, place: Place, path: str) -> FileFacts:
        """Put back the content from before the first write. Raises refusals."""
        place.policy.writable(path)
        with place.open() as root:
            content = self._shadows.content(root, path)
            with self.beside(place, root, path) as beside:
                place.quota.take(len(content), limit=place.quota_bytes)
                beside.write(content)
                beside.commit(replace=True)
            return self.facts(place, root, path)

    def beside(self, place: Place, root: Root, path: str) -> Beside:
        """Return a file to be written beside ``path``."""
        return Beside(root, path, folder=place.folder, leftovers=self._leftovers)

    def keep_shadow(self, place: Place, root: Root, path: str) -> None:
        """Keep what is about to be overwritten, where the policy says so. Raises refusals."""
        if place.policy.shadows:
            self._shadows.keep(root, path, folder=place.folder)

    def uploaded(self, place: Place, root: Root, path: str) -> None:
        """Record that a person uploaded it. Raises refusals."""
        if place.policy.shadows:
            self._provenance.uploaded(root, path, at=moment(time.time()), folder=place.folder)


def _entries(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what a customer can use of a folder, whatever it is called."""
    with os.scandir(folder) as found:
        for entry in found:
            with contextlib.suppress(FileNotFoundError):
                about = entry.stat(follow_symlinks=False)
                if kind_of(about) and visible(entry.name):
                    yield entry.name, about


def _sayable(name: str) -> bool:
    try:
        check_name(name)
    except OutsideRoot:
        return False
    return True
