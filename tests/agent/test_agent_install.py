"""Installation from the artifact store (contract §5.4, §5.5): bounded, verified, never half done."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import ARTIFACT, agent_here, tarball

from zpack.agent.install.checksums import checksum_of, parse_checksums
from zpack.agent.install.unpack import UnpackError, content_root, unpack
from zpack.agent.problems import WorkloadError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client, StoreServer


async def failure(agent: Client) -> str:
    assert (await agent.post("/config", agent.payload()))[0] == 202
    status = await agent.reaches("error")
    assert not (agent.folder / "server.py").exists()
    assert (await agent.get("/ready"))[1]["readyError"] == status["error"]
    return status["error"]


async def test_a_wrong_checksum_is_never_installed(agent: Client, store: StoreServer) -> None:
    store.sums[ARTIFACT] = "0" * 64
    assert "does not have the checksum" in await failure(agent)
    assert not list(agent.root.rglob("*.part"))


async def test_what_is_not_listed_is_never_fetched(agent: Client, store: StoreServer) -> None:
    store.sums = {"something/else": "0" * 64}
    assert f"{ARTIFACT} is not listed" in await failure(agent)
    assert store.asked == ["SHA256SUMS"]


async def test_a_missing_list_is_an_error(agent: Client, store: StoreServer) -> None:
    store.statuses["SHA256SUMS"] = [404]
    assert "cannot fetch SHA256SUMS" in await failure(agent)


async def test_a_listed_but_missing_artifact_is_named(agent: Client, store: StoreServer) -> None:
    del store.files[ARTIFACT]
    assert f"cannot fetch {ARTIFACT}" in await failure(agent)


async def test_a_store_that_stays_broken_is_an_error(agent: Client, store: StoreServer) -> None:
    store.statuses[ARTIFACT] = [500, 503, 500]
    assert "HTTP 500" in await failure(agent)


async def test_a_store_that_recovers_is_forgiven(agent: Client, store: StoreServer) -> None:
    store.statuses[ARTIFACT] = [503]
    await agent.run()


async def test_without_a_store_nothing_is_installed(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ARTIFACT_BASE_URL="") as agent:
        assert "ARTIFACT_BASE_URL is not set" in await failure(agent)


async def test_an_unreachable_store_is_an_error(tmp_path: Path, store: StoreServer) -> None:
    async with agent_here(tmp_path, store, ARTIFACT_BASE_URL="http://127.80.255.254:9") as agent:
        assert "cannot fetch SHA256SUMS" in await failure(agent)


async def test_a_cut_download_is_continued_where_it_ended(agent: Client, store: StoreServer) -> None:
    store.put(ARTIFACT, store.files[ARTIFACT] + b"\0" * 300_000)
    store.cut[ARTIFACT] = 100_000
    await agent.run()
    assert store.asked.count(ARTIFACT) == 2


async def test_more_than_the_limit_is_not_taken(tmp_path: Path, store: StoreServer) -> None:
    store.put(ARTIFACT, b"x" * (1024 * 1024 + 1))
    async with agent_here(tmp_path, store, ZLH_AGENT_MAX_DOWNLOAD_MIB="1") as agent:
        assert "larger than this agent takes" in await failure(agent)


async def test_a_bomb_is_not_unpacked(tmp_path: Path, store: StoreServer) -> None:
    store.put(ARTIFACT, tarball({"server.py": b"", "zeros": bytes(2 * 1024 * 1024)}))
    async with agent_here(tmp_path, store, ZLH_AGENT_MAX_UNPACKED_MIB="1") as agent:
        assert "more than" in await failure(agent)
        assert not list((agent.root / ".staging").glob("*"))


async def test_an_archive_without_the_program_is_an_error(agent: Client, store: StoreServer) -> None:
    store.put(ARTIFACT, tarball({"readme.txt": b"no server"}))
    assert "holds nothing that the scripted server can be started from" in await failure(agent)


@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", tarball({})], ids=["empty", "text", "no-members"]
)
async def test_what_is_no_archive_is_an_error(agent: Client, store: StoreServer, content: bytes) -> None:
    store.put(ARTIFACT, content)
    assert "archive" in await failure(agent)


async def test_an_archive_with_an_only_folder_is_unwrapped(agent: Client, store: StoreServer) -> None:
    with tarfile.open(fileobj=io.BytesIO(store.files[ARTIFACT])) as tar:
        server = tar.extractfile("server.py")
        assert server
        store.put(ARTIFACT, tarball({"package/server.py": server.read()}))
    await agent.run()
    assert (agent.folder / "server.py").is_file()


async def test_a_new_artifact_replaces_the_program_and_keeps_the_world(
    agent: Client, store: StoreServer
) -> None:
    await agent.run()
    (agent.folder / "world").mkdir()
    (agent.folder / "world" / "level.dat").write_text("my house")
    with tarfile.open(fileobj=io.BytesIO(store.files[ARTIFACT])) as tar:
        server = tar.extractfile("server.py")
        assert server
        newer = server.read() + b"# newer\n"
    store.put(ARTIFACT, tarball({"server.py": newer, "world/level.dat": b"fresh"}))
    await agent.run(memory_mb=600)
    assert (agent.folder / "server.py").read_bytes() == newer
    assert (agent.folder / "world" / "level.dat").read_text() == "my house"


async def test_settings_keep_the_customers_and_enforce_ours(agent: Client) -> None:
    await agent.run()
    settings = agent.folder / "settings.json"
    kept = json.loads(settings.read_text())
    settings.write_text(json.dumps(kept | {"motd": "mine", "port": 1, "difficulty": 2}))
    await agent.post("/restart")
    await agent.reaches("running")
    assert json.loads(settings.read_text()) == kept | {"motd": "mine", "difficulty": 2}


async def test_a_link_in_place_of_a_settings_file_is_replaced_not_followed(
    agent: Client, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    agent.folder.mkdir(parents=True)
    (agent.folder / "settings.json").symlink_to(outside)
    await agent.run()
    assert outside.read_text() == "untouched"
    assert not (agent.folder / "settings.json").is_symlink()


def member(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        tar.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [member("../evil"), member("a/../../evil"), member("link", kind=tarfile.SYMTYPE, link="../../etc/passwd"),
     member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"), member("dev", kind=tarfile.CHRTYPE),
     member("fifo", kind=tarfile.FIFOTYPE), member("hard", kind=tarfile.LNKTYPE, link="/etc/passwd")],
    ids=["parent", "inner-parent", "link-up", "link-absolute", "device", "fifo", "hard-link"],
)  # fmt: skip
def test_nothing_leaves_the_folder_and_no_device_comes_in(tmp_path: Path, content: bytes) -> None:
    archive, folder = tmp_path / "a.tar.gz", tmp_path / "inside"
    archive.write_bytes(content)
    folder.mkdir()
    with pytest.raises(UnpackError):
        unpack(archive, folder, max_bytes=1000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "inside"]
    assert list(folder.iterdir()) == []


LINKS: dict[str, list[tuple[str, bytes, str]]] = {
    "through a link that leads up": [("d/e/up", tarfile.SYMTYPE, "../.."), ("out", tarfile.SYMTYPE, "d/e/up/..")],
    "into a linked folder": [("d", tarfile.SYMTYPE, "."), ("d/evil", tarfile.REGTYPE, "")],
    "a second name behind a link": [("d", tarfile.SYMTYPE, "."), ("hard", tarfile.LNKTYPE, "d/x")],
    "a folder that becomes a link": [("d", tarfile.DIRTYPE, ""), ("d", tarfile.SYMTYPE, "."), ("d/x", tarfile.REGTYPE, "")],
}  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
def test_no_link_is_passed_on_the_way(tmp_path: Path, name: str) -> None:
    """CVE-2025-4517, and what else links can do to an archive's reader."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, kind, link in LINKS[name]:
            info = tarfile.TarInfo(path)
            info.type, info.linkname = kind, link
            tar.addfile(info)
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    (tmp_path / "in").mkdir()
    with pytest.raises(UnpackError):
        unpack(tmp_path / "a.tar", tmp_path / "in", max_bytes=1000)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar", "in"]


def test_links_inside_and_the_right_to_run_are_kept(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as tar:
        for path, kind, link in (("bin/tool", tarfile.REGTYPE, ""), ("legal/a/LICENSE", tarfile.SYMTYPE, "../b/L"),
                                 ("tool", tarfile.LNKTYPE, "bin/tool"), ("bin/again", tarfile.SYMTYPE, "tool")):  # fmt: skip
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.mode = kind, link, 0o4775
            tar.addfile(info)
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    (tmp_path / "in").mkdir()
    unpack(tmp_path / "a.tar", tmp_path / "in", max_bytes=1000)
    assert (tmp_path / "in/tool").samefile(tmp_path / "in/bin/again")
    assert str((tmp_path / "in/legal/a/LICENSE").readlink()) == "../b/L"
    assert (tmp_path / "in/tool").stat().st_mode & 0o7777 == 0o755


def test_an_absolute_name_lands_inside(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tarball({"/etc/x": b"1"}))
    (tmp_path / "in").mkdir()
    unpack(tmp_path / "a.tar", tmp_path / "in", max_bytes=1000)
    assert (tmp_path / "in" / "etc" / "x").read_bytes() == b"1"


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tarball({str(n): b"" for n in range(5)}))
    (tmp_path / "in").mkdir()
    with pytest.raises(UnpackError, match="4 files"):
        unpack(tmp_path / "a.tar", tmp_path / "in", max_bytes=10, max_members=4)


def test_a_link_is_no_packaging(tmp_path: Path) -> None:
    (tmp_path / "only").symlink_to("/")
    assert content_root(tmp_path) == tmp_path


def test_checksums_are_read_in_the_tools_own_forms() -> None:
    one, two = "a" * 64, "B" * 64
    sums = parse_checksums(f"# made by hand\n{one}  a/b.jar\n{two} *./c d.jar\r\nrubbish\n\n{one}  a/b.jar\n")
    assert sums == {"a/b.jar": one, "c d.jar": "b" * 64}
    with pytest.raises(WorkloadError, match="not listed"):
        checksum_of(sums, "x")


def test_a_list_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(WorkloadError, match="twice"):
        parse_checksums(f"{'a' * 64}  x\n{'b' * 64}  x\n")
