"""Every verb against the real agent over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.files.world import arrange, files_agent, form, get, put, send, temporary, upload
from tests.support.waiting import eventually

from zpack.agent.config.store import ConfigStore, Tokens
from zpack.agent.files.place import GamePlaces
from zpack.agent.files.quota import Quota
from zpack.agent.files.shadow import KEPT_SECONDS
from zpack.agent.install.server import ServerFolder
from zpack.agent.power.lock import OperationLock
from zpack.agent.problems import Conflict
from zpack.agent.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client

MIB = 1024 * 1024


async def test_a_folder_lists_its_files_and_folders_only(agent: Client) -> None:
    (agent.folder / "link").symlink_to("ops.json")
    os.mkfifo(agent.folder / "pipe")
    (agent.folder / ".zlh-shadow").mkdir()
    (agent.folder / ".zlh_metadata.json").write_text("{}")
    code, body = await get(agent, "list", "")
    assert (code, body["path"], body["truncated"]) == (200, "", False)
    assert [(e["name"], e["type"]) for e in body["entries"]] == [
        ("config", "dir"), ("logs", "dir"), ("mods", "dir"), ("mods-removed", "dir"), ("mods-uploaded", "dir"),
        ("ops.json", "file"), ("server.properties", "file"), ("world", "dir"),
    ]  # fmt: skip


async def test_list_without_a_path_is_the_root_and_files_is_list(agent: Client) -> None:
    assert await agent.get("/game/files") == await get(agent, "list", "")


async def test_an_entry_says_what_it_is(agent: Client) -> None:
    _, body = await get(agent, "list", "mods")
    entry = body["entries"][0]
    assert (entry["name"], entry["path"], entry["type"], entry["size"]) == (
        "old.jar",
        "mods/old.jar",
        "file",
        7,
    )
    assert entry["modified"].endswith("Z")
    assert "source" not in entry


async def test_names_that_no_path_can_say_are_not_listed(agent: Client) -> None:
    for name in (b"bad\xff.jar", b"new\nline.jar"):
        (agent.folder / "mods" / os.fsdecode(name)).write_text("x")
    _, body = await get(agent, "list", "mods")
    assert ([entry["name"] for entry in body["entries"]], body["unnamed"]) == (["old.jar"], 2)


async def test_a_very_full_folder_is_cut(agent: Client) -> None:
    for number in range(5001):
        (agent.folder / "logs" / f"{number}.txt").touch()
    _, body = await get(agent, "list", "logs")
    assert (len(body["entries"]), body["truncated"]) == (5000, True)


async def test_stat_says_size_source_and_shadow(agent: Client) -> None:
    code, body = await get(agent, "stat", "server.properties")
    assert code == 200
    assert body.pop("modified").endswith("Z")
    assert body.pop("etag").startswith('"')
    assert body == {
        "path": "server.properties",
        "type": "file",
        "size": 10,
        "source": None,
        "hasShadow": False,
        "allowed": ["write"],
    }


async def test_text_is_read(agent: Client) -> None:
    (agent.folder / "config" / "ö.txt").write_text("grüße 🙂\n")
    code, body = await get(agent, "read", "config/ö.txt")
    assert (code, body["content"], body["size"]) == (200, "grüße 🙂\n", 13)


@pytest.mark.parametrize(
    ("path", "content", "answer"),
    [
        ("world/level.dat", None, (400, "not_text")),
        ("logs/bad.txt", b"\xff\xfe", (400, "not_text")),
        ("logs/big.txt", b"x" * (MIB + 1), (413, "too_large")),
        ("mods", None, (400, "not_a_file")),
        ("nothing", None, (404, "not_found")),
        (".zlh_metadata.json", b"{}", (403, "path_rejected")),
        ("config/.zlh-shadow/x", None, (403, "path_rejected")),
    ],
)
async def test_what_is_no_readable_text_is_said_so(
    agent: Client, path: str, content: bytes | None, answer: tuple[int, str]
) -> None:
    if content is not None:
        (agent.folder / path).write_bytes(content)
    code, body = await get(agent, "read", path)
    assert (code, body["error"]) == answer


async def test_a_listed_file_is_overwritten_whole(agent: Client) -> None:
    (agent.folder / "server.properties").chmod(0o640)
    code, body = await put(agent, "server.properties", b"motd=new\n")
    assert (code, body["size"], body["hasShadow"]) == (200, 9, True)
    assert (agent.folder / "server.properties").read_text() == "motd=new\n"
    assert (agent.folder / "server.properties").stat().st_mode & 0o777 == 0o640
    assert temporary(agent.home.parent) == []


async def test_a_listed_file_that_is_not_there_is_created(agent: Client) -> None:
    assert (await put(agent, "config/new.json", b"{}"))[0] == 201


@pytest.mark.parametrize(
    "path",
    [
        "ops.json", "world/level.dat", "config/a.yml", "config/deep/a.toml", "config/.toml", "config",
        "mods/x.jar", "server.properties.bak", "xserver.properties", "Server.properties", "eula.txt", "",
    ],
)  # fmt: skip
async def test_what_is_not_listed_is_not_written(agent: Client, path: str) -> None:
    code, body = await put(agent, path)
    assert (code, body["error"]) == (403, "path_rejected")


async def test_a_write_larger_than_allowed_is_refused_while_it_flows(agent: Client) -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * 65536

    for body in (io.BytesIO(b"x" * (MIB + 1)), endless()):
        code, answer = await put(agent, "server.properties", body)
        assert (code, answer["error"]) == (413, "too_large")
    assert (agent.folder / "server.properties").read_text() == "motd=mine\n"


async def test_the_shadow_keeps_the_content_before_the_first_write(agent: Client) -> None:
    for content in (b"one", b"two"):
        await put(agent, "config/a.toml", content)
    assert (agent.folder / ".zlh-shadow" / "config" / "a.toml").read_text() == "a = 1\n"
    assert (await send(agent, "POST", "/revert", "config/a.toml"))[0] == 200
    assert (agent.folder / "config" / "a.toml").read_text() == "a = 1\n"
    assert (await get(agent, "stat", "config/a.toml"))[1]["hasShadow"] is True


async def test_without_a_shadow_there_is_nothing_to_go_back_to(agent: Client) -> None:
    code, body = await send(agent, "POST", "/revert", "server.properties")
    assert (code, body["error"]) == (404, "no_shadow")
    assert (await send(agent, "POST", "/revert", "ops.json"))[0] == 403


async def test_shadows_are_kept_for_a_week(tmp_path: Path) -> None:
    async with files_agent(tmp_path) as agent:
        for name in ("a", "b"):
            (agent.folder / "config" / f"{name}.json").write_text("{}")
            await put(agent, f"config/{name}.json", b"[]")
        shadow = agent.folder / ".zlh-shadow" / "config"
        old = time.time() - KEPT_SECONDS - 60
        os.utime(shadow / "a.json", (old, old))
    async with files_agent(tmp_path) as agent:
        await eventually(lambda: not (shadow / "a.json").exists())
        assert (shadow / "b.json").exists()


@pytest.mark.parametrize(
    "path", ["mods-removed/gone.jar", "mods-uploaded/up.jar", "logs/latest.log", "logs/2025.log.gz"]
)
async def test_listed_files_are_removed(agent: Client, path: str) -> None:
    assert await send(agent, "DELETE", "", path) == (200, {"deleted": True, "path": path})
    assert not (agent.folder / path).exists()
    assert (await send(agent, "DELETE", "", path))[0] == 404


@pytest.mark.parametrize(
    "path",
    ["mods/old.jar", "server.properties", "logs", "logs/x.txt", "mods-removed/d", "mods-removed", "world"],
)
async def test_nothing_else_is_removed(agent: Client, path: str) -> None:
    (agent.folder / "mods-removed" / "d").mkdir()
    (agent.folder / "logs" / "x.txt").touch()
    code, body = await send(agent, "DELETE", "", path)
    assert (code, body["error"]) == (403, "path_rejected")
    assert (agent.folder / path).exists()


@pytest.mark.parametrize("path", ["mods/new.jar", "world/datapacks/new.zip"])
async def test_an_upload_is_stored_and_known_as_the_users(agent: Client, path: str) -> None:
    code, body = await upload(agent, path, b"content")
    assert (code, body["size"], body["source"]) == (201, 7, "user")
    assert (agent.folder / path).read_bytes() == b"content"
    record = json.loads((agent.folder / ".zlh_metadata.json").read_text())
    assert record[path]["source"] == "user"
    assert record[path]["uploaded_at"].endswith("Z")
    assert temporary(agent.home.parent) == []


async def test_an_upload_replaces_only_when_asked_to(agent: Client) -> None:
    code, body = await upload(agent, "mods/old.jar")
    assert (code, body["error"]) == (409, "exists")
    assert (agent.folder / "mods" / "old.jar").read_text() == "old jar"
    assert (await upload(agent, "mods/old.jar", overwrite="true"))[0] == 200
    assert (agent.folder / "mods" / "old.jar").read_text() == "new jar"


async def test_many_uploads_at_once_are_all_recorded(agent: Client) -> None:
    paths = [f"mods/{number}.jar" for number in range(8)]
    answers = await asyncio.gather(*(upload(agent, path) for path in paths))
    assert [code for code, _ in answers] == [201] * 8
    assert sorted(json.loads((agent.folder / ".zlh_metadata.json").read_text())) == paths


async def test_of_two_uploads_of_one_name_one_wins(agent: Client) -> None:
    answers = await asyncio.gather(*(upload(agent, "mods/one.jar", bytes([n]) * 9) for n in range(4)))
    assert sorted(code for code, _ in answers) == [201, 409, 409, 409]
    assert len(set((agent.folder / "mods" / "one.jar").read_bytes())) == 1


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("mods/x.zip", (403, "path_rejected")),
        ("mods/deep/x.jar", (403, "path_rejected")),
        ("mods/.jar", (403, "path_rejected")),
        ("x.jar", (403, "path_rejected")),
        ("world/x.zip", (403, "path_rejected")),
        ("mods/dir.jar", (403, "path_rejected")),
        ("mods/link.jar", (403, "path_rejected")),
        ("mods/.zlh-tmp-1.jar", (403, "path_rejected")),
    ],
)
async def test_an_upload_elsewhere_is_refused(agent: Client, path: str, answer: tuple[int, str]) -> None:
    (agent.folder / "mods" / "dir.jar").mkdir()
    (agent.folder / "mods" / "link.jar").symlink_to("old.jar")
    code, body = await upload(agent, path, overwrite="true")
    assert (code, body["error"]) == answer


async def test_an_upload_creates_no_folder(agent: Client) -> None:
    (agent.folder / "mods").rename(agent.folder / "other")
    code, body = await upload(agent, "mods/x.jar")
    assert (code, body["error"]) == (404, "parent_missing")
    assert not (agent.folder / "mods").exists()


async def test_an_upload_is_cut_off_at_its_limit_while_it_flows(agent: Client) -> None:
    async def large() -> Any:
        for _ in range(101):
            yield b"x" * MIB

    code, body = await agent.call(
        "POST", "/game/files/upload", params={"path": "world/datapacks/big.zip"}, data=form(large(), name="b")
    )
    assert (code, body["error"]) == (413, "too_large")
    assert not (agent.folder / "world" / "datapacks" / "big.zip").exists()
    assert temporary(agent.home.parent) == []


@pytest.mark.parametrize("damage", ["[]", "{", '{"mods/old.jar": 5}', "[" * 100_000, '{"a": {"source": []}}'])
async def test_a_damaged_record_is_no_obstacle(agent: Client, damage: str) -> None:
    (agent.folder / ".zlh_metadata.json").write_text(damage)
    assert (await get(agent, "stat", "mods/old.jar"))[1]["source"] is None
    assert (await upload(agent, "mods/x.jar"))[0] == 201
    assert (await get(agent, "stat", "mods/x.jar"))[1]["source"] == "user"


async def test_nothing_is_inferred_from_names_and_a_deleted_file_is_forgotten(agent: Client) -> None:
    record = agent.folder / ".zlh_metadata.json"
    record.write_text(
        json.dumps({"mods-removed/gone.jar": {"source": "user"}, "mods/not.jar": {"source": "user"}})
    )
    assert (await get(agent, "stat", "mods-removed/gone.jar"))[1]["source"] == "user"
    await send(agent, "DELETE", "", "mods-removed/gone.jar")
    assert json.loads(record.read_text()) == {}


async def test_without_a_configuration_there_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "home" / "config").mkdir(parents=True)
    async with files_agent(tmp_path) as agent:
        code, body = await get(agent, "list", "")
        assert (code, body["error"]) == (409, "not_configured")


@pytest.mark.parametrize("query", ["", "?path=a&path=b", "?Path=a"])
@pytest.mark.parametrize(
    "call", ["GET /stat", "GET /read", "GET /download", "PUT ", "DELETE ", "POST /revert"]
)
async def test_exactly_one_path_is_needed(agent: Client, call: str, query: str) -> None:
    method, verb = call.split(" ")
    code, body = await agent.call(method, f"/game/files{verb}{query}")
    assert (code, body["error"]) == (400, "invalid_query")


@pytest.mark.parametrize("kind", ["config", "restore"])
def test_nothing_is_changed_while_the_server_is_installed_or_restored(tmp_path: Path, kind: str) -> None:
    arrange(tmp_path)
    settings = read_settings({"ZLH_AGENT_HOME": str(tmp_path / "home"), "ZLH_RUNTIME_ROOT": str(tmp_path)})
    tokens, lock = Tokens(home=tmp_path / "home", from_environment=None), OperationLock()
    places = GamePlaces(
        configs=ConfigStore(home=tmp_path / "home", tokens=tokens),
        servers=ServerFolder(folders=settings.folders, address=settings.address),
        lock=lock,
        quota=Quota(),
        quota_mib=None,
    )
    operation = lock.begin(kind)
    with pytest.raises(Conflict):
        places.changing()
    operation.waiting = True
    assert places.changing() == places.now()


async def test_the_token_is_asked_for(tmp_path: Path) -> None:
    async with files_agent(tmp_path, ZLH_AGENT_TOKEN="a-token-of-the-test") as agent:
        assert (await get(agent, "list", ""))[0] == 401
        assert (await upload(agent, "mods/x.jar"))[0] == 401
        agent.token = "a-token-of-the-test"
        assert (await get(agent, "list", ""))[0] == 200
