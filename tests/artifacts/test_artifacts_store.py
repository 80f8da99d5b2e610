"""The folder: one change is whole or not there, and every flipped bit is found."""

from __future__ import annotations

import multiprocessing
import os
import threading
from typing import TYPE_CHECKING

import pytest

from zpack.artifacts import catalog, layout
from zpack.artifacts.catalog import CatalogError, Entry
from zpack.artifacts.checksums import Checksum, ChecksumError, MismatchError, digest_of, parse_sums
from zpack.artifacts.folder import ArtifactFolder, Finding
from zpack.artifacts.layout import BadNameError

if TYPE_CHECKING:
    from pathlib import Path

    from zpack.artifacts.catalog import Document

PAPER = "minecraft/paper/1.21.4/server.jar"


def put(folder: ArtifactFolder, version: str, content: bytes = b"jar") -> str:
    path = layout.game_path("paper", version)
    with folder.staging("test") as staging:
        staged = staging / "file"
        staged.write_bytes(content)
        folder.publish(
            {path: staged}, games=lambda was: catalog.with_versions(was, "minecraft", "paper", [version])
        )
    return path


def test_a_published_version_is_in_catalog_and_sums(folder: ArtifactFolder) -> None:
    path = put(folder, "1.21.4")
    assert catalog.entries(folder.games()) == [Entry("minecraft", "paper", "1.21.4")]
    assert folder.sums()[path] == digest_of(folder.root / path)
    assert set(folder.sums()) == {path, "_catalog.json", "devcontainer/_catalog.json"}


def test_verify_of_an_untouched_folder_finds_nothing(folder: ArtifactFolder) -> None:
    put(folder, "1.21.4")
    assert folder.verify() == []


def test_verify_finds_one_flipped_bit(folder: ArtifactFolder) -> None:
    file = folder.root / put(folder, "1.21.4", b"0123456789")
    file.write_bytes(b"0123456788")
    assert folder.verify() == [Finding(PAPER, "changed")]


def test_verify_finds_missing_and_unlisted_files(folder: ArtifactFolder) -> None:
    (folder.root / put(folder, "1.21.4")).unlink()
    (folder.root / "minecraft/paper/extra.jar").write_bytes(b"?")
    assert folder.verify() == [Finding(PAPER, "missing"), Finding("minecraft/paper/extra.jar", "unlisted")]


def test_verify_finds_a_changed_catalog(folder: ArtifactFolder) -> None:
    put(folder, "1.21.4")
    (folder.root / "_catalog.json").write_text('{"games": []}')
    assert folder.verify() == [Finding("_catalog.json", "changed")]


def test_verify_does_not_follow_a_list_out_of_the_folder(folder: ArtifactFolder) -> None:
    put(folder, "1.21.4")
    with (folder.root / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  ../../etc/hostname\n")
    assert folder.verify() == [Finding("../../etc/hostname", "not in folder")]


def test_a_refused_change_leaves_everything_as_it_was(folder: ArtifactFolder) -> None:
    put(folder, "1.21.4")
    before = sorted(folder.root.rglob("*"))

    def refuse(_: Document) -> Document:
        raise CatalogError("no")

    with folder.staging("test") as staging:
        staged = staging / "file"
        staged.write_bytes(b"new")
        with pytest.raises(CatalogError):
            folder.publish({"minecraft/paper/9/server.jar": staged}, games=refuse)
    assert sorted(folder.root.rglob("*")) == before


@pytest.mark.parametrize("sums_written", [True, False])
def test_a_writer_killed_between_sums_and_catalog_is_finished_or_undone(
    folder: ArtifactFolder, sums_written: bool
) -> None:
    put(folder, "1.21.4")
    old_sums, old_catalog = (
        (folder.root / "SHA256SUMS").read_bytes(),
        (folder.root / "_catalog.json").read_bytes(),
    )
    path = put(folder, "1.20.4")
    # Back to what the disk holds if the writer dies one step earlier or later.
    (folder.root / "_catalog.json").rename(folder.root / "._catalog.json.coming")
    (folder.root / "_catalog.json").write_bytes(old_catalog)
    if not sums_written:
        (folder.root / "SHA256SUMS").write_bytes(old_sums)
    expected = [] if sums_written else [Finding(path, "unlisted")]
    assert folder.verify() == expected
    assert (Entry("minecraft", "paper", "1.20.4") in catalog.entries(folder.games())) is sums_written
    assert not list(folder.root.glob(".*.coming"))


def _put_many(root: Path, first: int) -> None:
    for number in range(first, first + 10):
        put(ArtifactFolder(root), f"1.{number}")


def test_two_writers_at_once_lose_nothing(folder: ArtifactFolder) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_many, args=(folder.root, first)) for first in (10, 20)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert {entry.version for entry in catalog.entries(folder.games())} == {f"1.{n}" for n in range(10, 30)}
    assert folder.verify() == []


def _fill_disk(folder: ArtifactFolder) -> None:
    with folder.staging("test") as staging:
        (staging / "half").write_bytes(b"half")
        raise OSError("disk full")


def test_staging_is_gone_after_an_error(folder: ArtifactFolder) -> None:
    with pytest.raises(OSError, match="full"):
        _fill_disk(folder)
    assert list(folder.root.iterdir()) == []


def test_published_files_can_be_read_by_every_user(folder: ArtifactFolder) -> None:
    old = os.umask(0o077)
    try:
        path = put(folder, "1.21.4")
    finally:
        os.umask(old)
    assert (folder.root / path).stat().st_mode & 0o777 == 0o644


def test_a_folder_without_sums_is_not_called_sound(folder: ArtifactFolder) -> None:
    with pytest.raises(ChecksumError, match="no SHA256SUMS"):
        folder.verify()


def test_who_has_to_wait_is_told(folder: ArtifactFolder) -> None:
    waiting, entered = threading.Event(), threading.Event()

    def second() -> None:
        with folder.locked(on_wait=waiting.set):
            entered.set()

    with folder.locked():
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(10)
        assert not entered.is_set()
    other.join(10)
    assert entered.is_set()


def test_versions_are_ordered_by_number_and_pre_releases_come_later() -> None:
    given = ["1.8.8", "1.21", "1.21.4", "1.20.10", "1.20.9", "1.21-pre1"]
    assert catalog.newest_first(given) == ["1.21.4", "1.21", "1.21-pre1", "1.20.10", "1.20.9", "1.8.8"]


def test_an_operators_own_words_in_the_catalog_stay() -> None:
    own = {
        "games": [{"id": "minecraft", "title": "Blocks", "variants": [{"id": "paper", "note": "ours"}]}],
        "v": 2,
    }
    changed = catalog.with_versions(own, "minecraft", "paper", ["1.21.4"])
    assert changed["games"][0]["title"] == "Blocks"
    assert changed["games"][0]["variants"] == [{"id": "paper", "note": "ours", "versions": ["1.21.4"]}]
    assert "versions" not in own["games"][0]["variants"][0]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"games": {}}', '{"games": [{"name": "no id"}]}', "not json"]
)
def test_a_catalog_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(CatalogError):
        catalog.parse(text, top="games")


@pytest.mark.parametrize("name", ["..", "", "a/b", ".hidden", "a b", "é", "x" * 65, "a\n"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(BadNameError):
        layout.game_path("paper", name)


@pytest.mark.parametrize(
    ("variant", "file"),
    [
        ("vanilla", "server.jar"),
        ("fabric", "fabric-server.jar"),
        ("forge", "forge-installer.jar"),
        ("neoforge", "neoforge-installer.jar"),
        ("flying-squid", "server.tar.gz"),
    ],
)
def test_paths_are_those_of_the_contract(variant: str, file: str) -> None:
    assert layout.game_path(variant, "1.21.4") == f"minecraft/{variant}/1.21.4/{file}"


def test_runtime_paths_are_those_of_the_contract() -> None:
    assert layout.java_path(21) == "java/21/OpenJDK21.tar.gz"
    assert layout.runtime_path("node", "24", "x.tar.xz") == "devcontainer/node/node-24.tar.xz"
    assert layout.runtime_path("java", "21", "x.tar.gz") == "devcontainer/java/jdk-21.tar.gz"


@pytest.mark.parametrize(("algorithm", "digest"), [("sha256", "a" * 63), ("sha1", "g" * 40), ("md5", "")])
def test_a_malformed_digest_is_refused(algorithm: str, digest: str) -> None:
    with pytest.raises(ChecksumError):
        Checksum.parse(algorithm, digest)


def test_a_digest_is_compared_whatever_its_case(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    Checksum.parse("md5", "900150983CD24FB0D6963F7D28E17F72\n").check(tmp_path / "f")
    with pytest.raises(MismatchError):
        Checksum.parse("md5", "0" * 32).check(tmp_path / "f")


def test_an_unreadable_list_of_sums_is_refused() -> None:
    with pytest.raises(ChecksumError, match="unreadable"):
        parse_sums("not a sum\n")
