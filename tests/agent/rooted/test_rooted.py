"""Both ways of opening beneath a root hold the same; what is outside is never touched."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from zpack.agent.problems import Conflict, Refusal
from zpack.agent.rooted import beneath
from zpack.agent.rooted.beneath import best, by_kernel, by_steps
from zpack.agent.rooted.paths import Exists, Missing, NotAFile, NotAFolder, OutsideRoot
from zpack.agent.rooted.root import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ATTEMPTS = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A root with a file and a folder, and a secret outside it."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "deep" / "f").write_text("secret")
    (tmp_path / "outside" / "f").write_text("secret")
    (tmp_path / "root_secret").mkdir()
    (tmp_path / "root_secret" / "f").write_text("secret")
    (tmp_path / "root" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "deep" / "f").write_text("mine")
    (tmp_path / "root" / "f").write_text("mine")
    return tmp_path / "root"


@pytest.fixture(params=[by_kernel, by_steps], ids=["openat2", "steps"])
def root(request: pytest.FixtureRequest, folder: Path) -> Iterator[Root]:
    with Root.open(folder, opening=request.param) as opened:
        yield opened


def content(root: Root, path: str) -> str:
    with os.fdopen(root.open_file(path, os.O_RDONLY)) as file:
        return file.read()


def create(root: Root, path: str) -> None:
    with os.fdopen(root.open_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as file:
        file.write("written")


def listing(root: Root, path: str) -> list[str]:
    opened = root.open_folder(path)
    try:
        return sorted(os.listdir(opened))  # noqa: PTH208 - a descriptor, no path
    finally:
        os.close(opened)


OPERATIONS: dict[str, Callable[[Root, str], Any]] = {
    "read": content,
    "write": create,
    "unlink": lambda root, path: root.unlink(path),
    "rename-from": lambda root, path: root.rename(path, "moved"),
    "rename-to": lambda root, path: root.rename("f", path),
    "rename-new": lambda root, path: root.rename_new("f", path + ".new"),
    "make-folder": lambda root, path: root.make_folder(path + ".dir"),
    "remove-tree": lambda root, path: root.remove_tree(path),
    "list": listing,
    "walk": lambda root, path: list(root.walk(path)),
    "stat": lambda root, path: root.stat(path),
}


def outside(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("outside", "root_secret"):
        for path in sorted((folder.parent / name).rglob("*")):
            stat = path.lstat()
            found[str(path)] = (stat.st_mode, stat.st_mtime_ns, path.is_file() and path.read_bytes())
    return found


def test_this_kernel_has_openat2() -> None:
    assert best() is by_kernel


def test_a_kernel_without_it_is_walked_step_by_step(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(beneath, "OPENAT2", 999_999)
    best.cache_clear()
    try:
        with Root.open(folder) as root:
            assert best() is by_steps
            assert content(root, "deep/f") == "mine"
    finally:
        best.cache_clear()


def test_files_and_folders_beneath_are_reached(root: Root) -> None:
    assert content(root, "deep/f") == "mine"
    assert listing(root, "") == ["deep", "f"]
    assert listing(root, "deep") == ["f"]
    create(root, "deep/new")
    assert content(root, "deep/new") == "written"
    root.rename("deep/new", "top")
    root.unlink("top")
    assert [e.path for e in root.walk()] == ["deep", "deep/f", "f"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "target", ["../outside", "{outside}", ".", "deep", "../root_secret", "/proc/self/root"]
)
def test_no_operation_goes_through_a_link(root: Root, folder: Path, operation: str, target: str) -> None:
    (folder / "link").symlink_to(target.format(outside=folder.parent / "outside"))
    before = outside(folder)
    with pytest.raises((OutsideRoot, Missing)):
        OPERATIONS[operation](root, "link/deep" if operation == "remove-tree" else "link/f")
    assert outside(folder) == before


@pytest.mark.parametrize("operation", ["read", "write", "list", "walk"])
def test_a_link_itself_is_not_opened(root: Root, folder: Path, operation: str) -> None:
    (folder / "link").symlink_to("deep" if operation in {"list", "walk"} else "f")
    with pytest.raises(OutsideRoot):
        OPERATIONS[operation](root, "link")
    assert (folder / "f").read_text() == "mine"


def test_a_link_is_looked_at_removed_and_replaced_as_a_link(root: Root, folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).symlink_to("../outside/f")
    assert root.stat("one").st_ino == (folder / "one").lstat().st_ino
    root.unlink("one")
    root.rename("f", "two")
    assert (folder / "two").read_text() == "mine"
    assert (folder.parent / "outside" / "f").read_text() == "secret"


@pytest.mark.parametrize("path", ["../..", "../root_secret/f", "/etc/passwd", "deep/../../outside/f"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_path_that_points_out_is_refused_as_text(root: Root, operation: str, path: str) -> None:
    with pytest.raises(OutsideRoot):
        OPERATIONS[operation](root, path)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_a_pipe_or_a_folder_is_no_file(root: Root, folder: Path, flags: int) -> None:
    os.mkfifo(folder / "pipe")
    for name in ("pipe", "deep"):
        with pytest.raises(NotAFile):
            root.open_file(name, flags)


def test_a_file_is_no_folder_and_has_none_inside(root: Root) -> None:
    with pytest.raises(NotAFolder):
        root.open_folder("f")
    with pytest.raises(Missing):
        root.open_file("f/x", os.O_RDONLY)


def test_a_second_name_of_somebody_elses_file_is_not_touched(root: Root, folder: Path) -> None:
    foreign = folder.parent / "outside" / "f"
    os.chown(foreign, 4242, 4242)
    os.link(foreign, folder / "hard")
    for operation in ("read", "write"):
        with pytest.raises(OutsideRoot):
            OPERATIONS[operation](root, "hard")
    assert foreign.read_text() == "secret"


def test_what_root_creates_belongs_to_the_folders_owner(folder: Path) -> None:
    os.chown(folder, 4242, 4243)
    with Root.open(folder) as root:
        os.close(root.open_file("new", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        root.make_folder("dir")
    assert {((folder / n).stat().st_uid, (folder / n).stat().st_gid) for n in ("new", "dir")} == {
        (4242, 4243)
    }


def test_a_new_name_replaces_nothing(root: Root, folder: Path) -> None:
    (folder / "a").write_text("a")
    (folder / "link").symlink_to("../outside/new")
    for taken in ("f", "deep", "link"):
        with pytest.raises(Exists):
            root.rename_new("a", taken)
    root.rename_new("a", "b")
    assert (folder / "b").read_text() == "a"
    assert not (folder / "a").exists()


def test_a_tree_is_removed_without_following_its_links(root: Root, folder: Path) -> None:
    (folder / "deep" / "link").symlink_to("../../outside")
    root.remove_tree("deep")
    assert listing(root, "") == ["f"]
    assert (folder.parent / "outside" / "f").read_text() == "secret"


def test_a_tree_without_end_is_not_walked_to_its_end(root: Root, folder: Path) -> None:
    (folder / "/".join(["d"] * 200)).mkdir(parents=True)
    with pytest.raises(Conflict):
        list(root.walk())


def test_a_root_must_not_be_a_link(folder: Path) -> None:
    (folder.parent / "link").symlink_to("outside")
    with pytest.raises((OutsideRoot, Missing)):
        Root.open(folder.parent / "link")


@contextlib.contextmanager
def attacker(folder: Path) -> Iterator[None]:
    """Somebody who keeps swapping ``deep`` (a folder) with a link that leads outside."""
    deep, away, link = folder / "deep", folder / "away", folder / "trap"
    link.symlink_to("../outside/deep")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            deep.rename(away)
            link.rename(deep)
            deep.rename(link)
            away.rename(deep)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "operation", [name for name in OPERATIONS if name not in {"rename-from", "remove-tree"}]
)
def test_an_attacker_who_swaps_links_gains_nothing(root: Root, folder: Path, operation: str) -> None:
    before = outside(folder)
    seen: set[Any] = set()
    with attacker(folder):
        for number in range(ATTEMPTS):
            with contextlib.suppress(Refusal):
                path = f"deep/{number}" if "new" in operation or "make" in operation else "deep/f"
                found = OPERATIONS[operation](root, "deep" if operation in {"list", "walk"} else path)
                seen.add(found if isinstance(found, str) else None)
            if operation == "rename-new":
                (folder / "f").write_text("mine")
            if operation in {"unlink", "rename-to"} and not (folder / "f").exists():
                (folder / "f").write_text("mine")
    assert outside(folder) == before
    assert not {text for text in seen if text and "secret" in text}
