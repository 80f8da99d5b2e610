"""Verifies a backup wholly while it is written to a new folder, in a child process of the agent.

The archive is not parsed but compared: the manifest says what the next bytes must be. So a second name, a
device, a link out, a bomb or a cut archive is one and the same thing: not what was expected.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from typing import TYPE_CHECKING, Protocol

from zpack.agent.backups.manifest import MAX_LINE, Damaged, Order, parse_line
from zpack.agent.backups.tarstream import END, header, padding

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from zpack.agent.backups.limits import Room
    from zpack.agent.backups.manifest import Item
    from zpack.agent.faults import FaultPoint

CHUNK = 1 << 20
WINDOW_LOG = 23
"""8 MiB: more than we write needs, and all that a reader's memory may be asked for."""
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Stream(Protocol):
    """What the archive holds, uncompressed."""

    def read(self, size: int, /) -> bytes:
        """Return at most that many bytes; none at the end."""
        ...


class Unpacker:
    """Unpacks one archive into an empty folder. ``owner`` is who gets what is written, when we are root."""

    def __init__(
        self, *, owner: tuple[int, int], room: Room, tell: Callable[[float], None], fault: FaultPoint
    ) -> None:
        self._owner = owner
        self._room = room
        self._tell = tell
        self._fault = fault
        self._done = 0

    def unpack(self, archive: Path, manifest: Path, *, checksum: str, target: Path) -> int:
        """Return how many items were written. Raises :class:`Damaged`, other refusals and ``OSError``."""
        tree = _Tree(os.open(target, FOLDER), owner=self._owner)
        try:
            expected = self._check_manifest(manifest, checksum, tree.root)
            count = 0
            with zstd.open(
                archive, "rb", options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
            ) as stream:
                for item, names in items_of(manifest):
                    _expect(stream, header(item))
                    self._write(tree, item, names, stream)
                    self._tell(self._done / expected)
                    count += 1
                    if count == 1:
                        self._fault.reached("restore:one-item-out")
                _expect(stream, END)
                if stream.read(1):
                    raise Damaged("the archive has more in it than the manifest says")
            tree.leave_to(())
            _sync(tree.root)
        except (zstd.ZstdError, EOFError) as error:
            msg = f"the archive cannot be read: {str(error)[:200]}"
            raise Damaged(msg) from error
        finally:
            tree.close()
        self._fault.reached("restore:unpacked")
        return count

    def _check_manifest(self, manifest: Path, checksum: str, disk: int) -> int:
        """Check all of it before anything is written; return how much content there is."""
        digest, size, items = hashlib.sha256(), 0, 0
        for item, _ in items_of(manifest):
            digest.update(item.as_line())
            size, items = size + item.size, items + 1
            self._room.check_content(size, items)
        if digest.hexdigest() != checksum:
            raise Damaged("the manifest does not have the checksum that it was written with")
        self._room.check_disk(disk, more=size)
        return max(size, 1)

    def _write(self, tree: _Tree, item: Item, names: tuple[str, ...], stream: Stream) -> None:
        holder = tree.leave_to(names[:-1])
        if item.kind == "folder":
            tree.enter(names, item)
        elif item.kind == "link":
            os.symlink(item.target, names[-1], dir_fd=holder)
            os.utime(names[-1], ns=(item.mtime, item.mtime), dir_fd=holder, follow_symlinks=False)
            if os.geteuid() == 0:
                os.chown(names[-1], *self._owner, dir_fd=holder, follow_symlinks=False)
        else:
            self._write_file(holder, item, names[-1], stream)

    def _write_file(self, holder: int, item: Item, name: str, stream: Stream) -> None:
        digest, left = hashlib.sha256(), item.size
        with os.fdopen(os.open(name, NEW_FILE, 0o600, dir_fd=holder), "wb", buffering=0) as file:
            while left:
                piece = stream.read(min(CHUNK, left))
                if not piece:
                    raise Damaged("the archive ends in the middle of a file")
                digest.update(piece)
                file.write(piece)
                left -= len(piece)
                self._done += len(piece)
            if digest.hexdigest() != item.sha256:
                raise Damaged("a file in the archive does not have its checksum")
            _settle(file.fileno(), item, self._owner)
        _expect(stream, padding(item.size))


class _Tree:
    """The folders that are open now, from the target down; each gets its mode and time when it is left."""

    def __init__(self, root: int, *, owner: tuple[int, int]) -> None:
        self.root = root
        self._owner = owner
        self._open: list[tuple[int, Item]] = []

    def enter(self, names: tuple[str, ...], item: Item) -> None:
        holder = self.leave_to(names[:-1])
        os.mkdir(names[-1], 0o700, dir_fd=holder)
        self._open.append((os.open(names[-1], FOLDER, dir_fd=holder), item))

    def leave_to(self, names: tuple[str, ...]) -> int:
        while len(self._open) > len(names):
            descriptor, item = self._open.pop()
            try:
                _settle(descriptor, item, self._owner)
            finally:
                os.close(descriptor)
        return self._open[-1][0] if self._open else self.root

    def close(self) -> None:
        for descriptor in (*(d for d, _ in self._open), self.root):
            os.close(descriptor)


def items_of(manifest: Path) -> Iterator[tuple[Item, tuple[str, ...]]]:
    """Yield each item with its names. Raises :class:`Damaged` for what cannot be, as soon as it is met."""
    order = Order()
    with manifest.open("rb") as lines:
        while line := lines.readline(MAX_LINE + 1):
            item = parse_line(line)
            yield item, order.accept(item)


def _settle(descriptor: int, item: Item, owner: tuple[int, int]) -> None:
    if os.geteuid() == 0:
        os.fchown(descriptor, *owner)
    # A folder that its owner may not enter could not be removed again by an agent that is not root.
    os.fchmod(descriptor, item.mode | (0o700 if item.kind == "folder" else 0))
    os.utime(descriptor, ns=(item.mtime, item.mtime))


def _expect(stream: Stream, expected: bytes) -> None:
    found = b""
    while len(found) < len(expected) and (piece := stream.read(len(expected) - len(found))):
        found += piece
    if found != expected:
        raise Damaged("the archive is not what its manifest says")


def _sync(descriptor: int) -> None:
    """Make everything written there outlive a loss of power, with one call for the whole file system."""
    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
