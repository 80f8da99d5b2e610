"""Writes an archive and its manifest from a server's folder, in a child process of the agent."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from zpack.agent.backups.limits import is_skipped
from zpack.agent.backups.manifest import Item, safe_target
from zpack.agent.backups.tarstream import END, header, padding
from zpack.agent.rooted.paths import Missing, NotAFile, OutsideRoot, names_of
from zpack.agent.rooted.walking import Entry

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zpack.agent.backups.limits import Room
    from zpack.agent.faults import FaultPoint
    from zpack.agent.rooted.root import Root

LEVEL = 1
CHUNK = 1 << 20
STEADY_TRIES = 3
LOOK_EVERY = 32 << 20
"""Bytes written between two looks at the disk's free space."""


@dataclass
class Packed:
    """What was packed."""

    size: int = 0
    content: int = 0
    files: int = 0
    skipped: int = 0
    changed: int = 0
    manifest: str = ""


class Packer:
    """Packs one folder. Links are stored, never followed; what is no file, folder or link is left out."""

    def __init__(
        self,
        *,
        root: Root,
        skip: tuple[str, ...],
        room: Room,
        tell: Callable[[float], None],
        fault: FaultPoint,
    ) -> None:
        self._root = root
        self._skip = skip
        self._room = room
        self._tell = tell
        self._fault = fault
        self._packed = Packed()
        self._expected = 1

    def pack(self, archive: Path, manifest: Path) -> Packed:
        """Write both files, which must not exist. Raises refusals and ``OSError``."""
        self._look_ahead()
        with archive.open("xb", buffering=0) as out, manifest.open("xb") as lines:
            self._room.check_disk(out.fileno())
            self._fault.reached("backup:archive-opened")
            self._stream = _Compressed(out, self._room)
            digest = hashlib.sha256()
            for entry in self._entries():
                item = self._item(entry)
                if item is not None:
                    line = item.as_line()
                    lines.write(line)
                    digest.update(line)
            self._stream.end()
            for file in (lines, out):
                file.flush()
                os.fsync(file.fileno())
            self._packed.size = out.tell()
        self._packed.manifest = digest.hexdigest()
        self._fault.reached("backup:archive-written")
        return self._packed

    def _look_ahead(self) -> None:
        size = items = 0
        for entry in self._entries():
            size, items = size + (entry.stat.st_size if entry.is_file else 0), items + 1
            self._room.check_content(size, items)
        self._expected = max(size, 1)

    def _entries(self) -> Iterator[Entry]:
        """Yield what belongs to a backup, folders before what they hold."""
        top: int = self._root.open_folder("")
        try:
            for name in sorted(os.listdir(top)):
                if is_skipped(name, self._skip):
                    continue
                try:
                    about = os.stat(name, dir_fd=top, follow_symlinks=False)
                    names_of(name)
                except (FileNotFoundError, OutsideRoot):
                    self._packed.skipped += 1
                    continue
                entry = Entry(name, name, top, about)
                yield entry
                if entry.is_folder:
                    yield from self._below(name)
        finally:
            os.close(top)

    def _below(self, name: str) -> Iterator[Entry]:
        try:
            yield from self._root.walk(name)
        except (Missing, NotAFile):  # the folder itself went away after the look at it
            return

    def _item(self, entry: Entry) -> Item | None:
        try:
            names_of(entry.path)
        except OutsideRoot:
            item = None
        else:
            item = self._stored(entry)
        self._packed.skipped += item is None
        return item

    def _stored(self, entry: Entry) -> Item | None:
        about = entry.stat
        item = Item(entry.path, "folder", stat.S_IMODE(about.st_mode) & 0o777, max(0, about.st_mtime_ns))
        if entry.is_folder:
            self._stream.write(header(item))
            return item
        if entry.is_file:
            return self._file(entry)
        if not stat.S_ISLNK(about.st_mode):
            return None
        target = os.readlink(entry.name, dir_fd=entry.holder)
        if not safe_target(entry.path, target):
            return None
        link = replace(item, kind="link", target=target)
        self._stream.write(header(link))
        return link

    def _file(self, entry: Entry) -> Item | None:
        try:
            descriptor = entry.open()
        except (Missing, NotAFile, OutsideRoot):
            return None
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            about = os.fstat(descriptor)
            if about.st_nlink > 1 and about.st_uid != self._root.owner.st_uid:
                return None  # a second name of somebody else's file
            item = self._small(entry, file) if about.st_size < CHUNK else self._large(entry, file, about)
        self._packed.files += 1
        self._packed.content += item.size
        self._tell(self._packed.content / self._expected)
        if self._packed.files == 1:
            self._fault.reached("backup:one-file-in")
        return item

    def _small(self, entry: Entry, file: BinaryIO) -> Item:
        """Read at once, and again while somebody writes."""
        for _ in range(STEADY_TRIES):
            before, content = _read(file)
            if _same(before, os.fstat(file.fileno())) and len(content) == before.st_size:
                break
        else:
            before, content = _read(file)
            self._packed.changed += 1
        item = replace(_item_of(entry, before), size=len(content), sha256=hashlib.sha256(content).hexdigest())
        self._stream.write(header(item) + content + padding(len(content)))
        return item

    def _large(self, entry: Entry, file: BinaryIO, before: os.stat_result) -> Item:
        """Read piece by piece, as many bytes as were announced; what is cut meanwhile ends in zeros."""
        item = replace(_item_of(entry, before), size=before.st_size)
        self._stream.write(header(item))
        digest, left = hashlib.sha256(), before.st_size
        while left:
            piece = file.read(min(CHUNK, left)) or bytes(min(CHUNK, left))
            digest.update(piece)
            self._stream.write(piece)
            left -= len(piece)
            self._tell((self._packed.content + item.size - left) / self._expected)
        self._stream.write(padding(item.size))
        self._packed.changed += not _same(before, os.fstat(file.fileno()))
        return replace(item, sha256=digest.hexdigest())


class _Compressed:
    """The compressed stream into a file, which looks at the disk now and then."""

    def __init__(self, out: BinaryIO, room: Room) -> None:
        self._out = out
        self._room = room
        self._compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.compression_level: LEVEL})
        self._since_look = 0

    def write(self, data: bytes) -> None:
        self._put(self._compressor.compress(data))

    def end(self) -> None:
        self._put(self._compressor.compress(END) + self._compressor.flush())

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._out.write(view) :]
        self._since_look += len(data)
        if self._since_look > LOOK_EVERY:
            self._since_look = 0
            self._room.check_disk(self._out.fileno())


def _read(file: BinaryIO) -> tuple[os.stat_result, bytes]:
    about = os.fstat(file.fileno())
    file.seek(0)
    return about, file.read(2 * CHUNK)


def _item_of(entry: Entry, about: os.stat_result) -> Item:
    return Item(entry.path, "file", stat.S_IMODE(about.st_mode) & 0o777, max(0, about.st_mtime_ns))


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
