"""A corpus of archives and manifests that are not what they should be: refused before anything is touched.

Classes of peers.md: path traversal and symlinks (Wings CVE-2023-25168, CVE-2024-27102), archive entries (Crafty
CVE-2026-0963, CVE-2026-13716), prefix comparison (MCSManager), bombs and endless bodies (Coder CVE-2026-55078/79).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.backups.ground import picture

from zpack.agent.backups.limits import Room, TooLarge
from zpack.agent.backups.manifest import Damaged, Item
from zpack.agent.backups.tarstream import END, header, padding
from zpack.agent.backups.unpack import Unpacker, zstd
from zpack.agent.faults import FaultPoint
from zpack.agent.problems import Refusal
from zpack.agent.rooted.refusing import refusing

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"level one"
SUM = hashlib.sha256(CONTENT).hexdigest()
LEVEL = {"path": "world/level.dat", "kind": "file", "mode": 0o644, "mtime": 5, "size": 9, "sha256": SUM}
WORLD = {"path": "world", "kind": "folder", "mode": 0o755, "mtime": 5}
LINK = {"path": "world/link", "kind": "link", "mode": 0o777, "mtime": 5, "target": "level.dat"}


def as_line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def as_tar(*items: dict[str, Any]) -> bytes:
    """Pack items as our own writer would, whatever they say."""
    parts = []
    for fields in items:
        item = Item(**fields)
        body = CONTENT[: item.size].ljust(min(item.size, 1 << 20), b"\0") if item.kind == "file" else b""
        parts += [header(item), body, padding(len(body))]
    return b"".join(parts) + END


class Case:
    """A backup in a folder, to be unpacked next to what must not be touched."""

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        (tmp / "outside").mkdir()
        (tmp / "outside" / "secret").write_text("secret")
        (tmp / "target").mkdir()

    def unpack(self, manifest: bytes, tar: bytes, *, raw: bytes | None = None, checksum: str = "") -> None:
        (self.tmp / "manifest").write_bytes(manifest)
        (self.tmp / "archive").write_bytes(zstd.compress(tar) if raw is None else raw)
        unpacker = Unpacker(owner=(0, 0), room=Room(1 << 20, 0), tell=lambda _: None, fault=FaultPoint())
        with refusing():
            unpacker.unpack(
                self.tmp / "archive",
                self.tmp / "manifest",
                checksum=checksum or hashlib.sha256(manifest).hexdigest(),
                target=self.tmp / "target",
            )

    def refuses(self, *given: Any, **more: Any) -> Refusal:
        before = picture(self.tmp / "outside")
        with pytest.raises(Refusal) as caught:
            self.unpack(*given, **more)
        assert picture(self.tmp / "outside") == before
        assert {path.name for path in self.tmp.iterdir()} == {"outside", "target", "manifest", "archive"}
        return caught.value


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_an_honest_one_is_unpacked(case: Case) -> None:
    items = (WORLD, LEVEL, LINK)
    case.unpack(b"".join(map(as_line, items)), as_tar(*items))
    assert (case.tmp / "target" / "world" / "link").read_bytes() == CONTENT


PATHS = [
    "..", "../x", "../outside/secret", "world/../../x", "world/..", "/etc/passwd", "//etc/passwd", "/", "",
    ".", "./x", "world/./x", "world//x", "world/", "a\\b", "..\\x", "C:\\x", "x\x00y", "\x00", "x\ny", "x\ry",
    "x\ty", "\x1b[2J", "x\x7f", "x\x85", "x\u2028y", "\udc80",
    "x" * 256, "ü" * 128, "/".join("d" * 65), "x/" * 600, "....//x/..", "world/level.dat/x", "nowhere/x",
    "worldly/x", "world_secret/../x", "~/../x/..",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_paths(case: Case, path: str, kind: str) -> None:
    item = {"file": LEVEL, "folder": WORLD, "link": LINK}[kind] | {"path": path}
    items = (WORLD, LEVEL, item) if path > "world/level.dat" else (item, WORLD, LEVEL)
    case.refuses(b"".join(map(as_line, items)), as_tar(WORLD, LEVEL))
    assert list((case.tmp / "target").iterdir()) == []


TARGETS = [
    "/etc/passwd", "../../outside/secret", "../..", "..//..//x", "a/../../../x", "a/..", "", "/", "//x",
    "../../../../../../etc", "x\x00", "x\n", "\x1b", "./../../x", ".", "./level.dat", "x//y", "x/", "x\\..\\y",
    "../../target_secret", "x" * 1025, "level.dat/../..",
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_link_targets(case: Case, target: str) -> None:
    link = LINK | {"target": target}
    case.refuses(b"".join(map(as_line, (WORLD, LEVEL, link))), as_tar(WORLD, LEVEL))
    assert list((case.tmp / "target").iterdir()) == []


HOSTILE_LINES: dict[str, list[bytes]] = {
    "a link, then a file through it": [
        as_line(WORLD), as_line(LINK | {"path": "world/a", "target": "../x"}), as_line(LEVEL | {"path": "world/a/f"}),
    ],
    "a file twice": [as_line(WORLD), as_line(LEVEL), as_line(LEVEL)],
    "a folder twice": [as_line(WORLD), as_line(WORLD)],
    "a file over a folder": [as_line(WORLD), as_line(LEVEL | {"path": "world"})],
    "no folder first": [as_line(LEVEL)],
    "not in order": [as_line(WORLD), as_line(LEVEL), as_line(WORLD | {"path": "a"})],
    "back into a folder": [
        as_line(WORLD | {"path": "a"}), as_line(WORLD | {"path": "b"}), as_line(LEVEL | {"path": "a/x"}),
    ],
    "no line": [b"\n"],
    "no JSON": [b"{\n"],
    "a list": [b"[]\n"],
    "null": [b"null\n"],
    "deep": [b"[" * 9000 + b"\n"],
    "long": [as_line(LEVEL | {"path": "x" * 20000})],
    "no end of line": [as_line(WORLD)[:-1]],
    "another spelling": [as_line(WORLD).replace(b":", b": ")],
    "a key twice": [as_line(WORLD).replace(b'"mtime":5', b'"mtime":5,"mtime":5')],
    "a key more": [as_line(WORLD | {"uid": 0})],
    "a key less": [as_line({k: v for k, v in WORLD.items() if k != "mode"})],
    "no such kind": [as_line(WORLD | {"kind": "device"})],
    "a hard link": [as_line(LINK | {"kind": "hardlink"})],
    "a kind that is none": [as_line(WORLD | {"kind": ["folder"]})],
    "a path that is none": [as_line(WORLD | {"path": 5})],
    "setuid": [as_line(WORLD), as_line(LEVEL | {"mode": 0o4755})],
    "a negative mode": [as_line(WORLD | {"mode": -1})],
    "a true mode": [as_line(WORLD | {"mode": True})],
    "a broken mode": [as_line(WORLD | {"mode": 493.0})],
    "a time before time": [as_line(WORLD | {"mtime": -1})],
    "a time after time": [as_line(WORLD | {"mtime": 2**63})],
    "a negative size": [as_line(WORLD), as_line(LEVEL | {"size": -1})],
    "an endless size": [as_line(WORLD), as_line(LEVEL | {"size": 2**64})],
    "no checksum": [as_line(WORLD), as_line(LEVEL | {"sha256": ""})],
    "a short checksum": [as_line(WORLD), as_line(LEVEL | {"sha256": SUM[:-1]})],
    "a loud checksum": [as_line(WORLD), as_line(LEVEL | {"sha256": SUM.upper()})],
    "NaN": [as_line(WORLD).replace(b":5", b":NaN")],
    "a byte that is no text": [as_line(WORLD).replace(b"world", b"wor\xffd")],
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_LINES)
def test_manifests(case: Case, name: str) -> None:
    assert isinstance(case.refuses(b"".join(HOSTILE_LINES[name]), as_tar(WORLD, LEVEL)), Damaged)
    assert list((case.tmp / "target").iterdir()) == []


HONEST = as_line(WORLD) + as_line(LEVEL)
TAR = as_tar(WORLD, LEVEL)


def foreign(**change: Any) -> bytes:
    """Return an archive by Python's own tarfile, whose second member is something else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("world")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, 0
        tar.addfile(folder)
        member = tarfile.TarInfo("world/level.dat")
        for name, value in change.items():
            setattr(member, name, value)
        tar.addfile(member, io.BytesIO(CONTENT))
    return buffer.getvalue()


ARCHIVES: dict[str, bytes] = {
    "empty": b"",
    "cut in a header": TAR[:600],
    "cut in a file": TAR[: 512 * 2 + 4],
    "cut before its end": TAR[:-1024],
    "cut in its end": TAR[:-1],
    "more behind its end": TAR + b"x",
    "a second archive behind it": TAR + TAR,
    "another content": TAR.replace(CONTENT, b"level two"),
    "a file more": as_tar(WORLD, LEVEL, LEVEL | {"path": "world/more"}),
    "a file less": as_tar(WORLD),
    "another order": as_tar(LEVEL, WORLD),
    "another name": as_tar(WORLD, LEVEL | {"path": "world/level.da_"}),
    "another mode": as_tar(WORLD, LEVEL | {"mode": 0o777}),
    "a longer file": as_tar(WORLD, LEVEL | {"size": 600}),
    "a link instead": as_tar(WORLD, LINK | {"path": "world/level.dat", "target": "x"}),
    "padding that is none": TAR[: 1024 + 9] + b"x" + TAR[1024 + 10 :],
    "a header's checksum": TAR[:148] + b"0000000" + TAR[155:],
    "a device": foreign(type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a block device": foreign(type=tarfile.BLKTYPE),
    "a pipe": foreign(type=tarfile.FIFOTYPE),
    "a hard link": foreign(type=tarfile.LNKTYPE, linkname="/etc/passwd"),
    "a symbolic link": foreign(type=tarfile.SYMTYPE, linkname="../../outside"),
    "a sparse file": foreign(type=tarfile.GNUTYPE_SPARSE),
    "a traversal": foreign(name="../../outside/secret", size=9),
    "an absolute name": foreign(name="/etc/passwd", size=9),
    "an owner": foreign(size=9, uid=0, uname="root", mtime=0),
    "zeros": bytes(1 << 16),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(case: Case, name: str) -> None:
    assert isinstance(case.refuses(HONEST, ARCHIVES[name]), Damaged)


PACKED = zstd.compress(TAR)
STREAMS: dict[str, bytes] = {
    "nothing": b"",
    "no zstd": b"PK\x03\x04" + bytes(100),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(100),
    "cut": PACKED[: len(PACKED) // 2],
    "a byte changed": PACKED[:20] + bytes([PACKED[20] ^ 0xFF]) + PACKED[21:],
    "rubbish behind it": PACKED + b"rubbish behind it",
    "a wide window": zstd.compress(bytes(64 << 20), options={zstd.CompressionParameter.window_log: 26}),
    "a bomb": zstd.compress(bytes(64 << 20)),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(case: Case, name: str) -> None:
    assert isinstance(case.refuses(HONEST, b"", raw=STREAMS[name]), Damaged)


def test_a_bomb_that_its_manifest_admits_is_too_large(case: Case) -> None:
    bomb = LEVEL | {"size": 1 << 40}
    assert isinstance(case.refuses(as_line(WORLD) + as_line(bomb), TAR), TooLarge)
    assert list((case.tmp / "target").iterdir()) == []


def test_many_small_ones_are_too_large_together(case: Case) -> None:
    lines = [as_line(LEVEL | {"path": f"f{n:04}", "size": 1 << 10}) for n in range(1025)]
    assert isinstance(case.refuses(b"".join(lines), TAR), TooLarge)


def test_another_manifest_than_was_written(case: Case) -> None:
    assert isinstance(case.refuses(HONEST, TAR, checksum="0" * 64), Damaged)
    assert list((case.tmp / "target").iterdir()) == []


def test_names_that_differ_in_case_only_are_two_files(case: Case) -> None:
    items = (WORLD, LEVEL | {"path": "world/LEVEL.dat"}, LEVEL)
    case.unpack(b"".join(map(as_line, items)), as_tar(*items))
    assert len(list((case.tmp / "target" / "world").iterdir())) == 2


def test_a_name_that_the_disk_holds_to_be_the_same_is_refused(case: Case) -> None:
    (case.tmp / "target" / "world").mkdir()  # as a file system without case would have it
    case.refuses(HONEST, TAR)


def test_the_corpus_is_large() -> None:
    sizes = 3 * len(PATHS) + len(TARGETS) + len(HOSTILE_LINES) + len(ARCHIVES) + len(STREAMS) + 5
    assert sizes >= 200
