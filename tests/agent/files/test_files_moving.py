"""Moves, conditions, and names that hide something: what a customer has can be seen, renamed and taken along."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.files.hostile import CORPUS
from tests.agent.files.test_files_hostile import lay_links
from tests.agent.files.world import SECRET, files_agent, get, put, send, snapshot, temporary, upload

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import Client

EVIL = "gnp\u202ejar.exe"


async def move(agent: Client, path: str, to: str, **query: str) -> tuple[int, Any]:
    return await agent.call("POST", "/game/files/move", params={"path": path, "to": to} | query)


async def save(agent: Client, path: str, content: bytes, **conditions: str) -> tuple[int, Any]:
    headers = {name.replace("_", "-"): value for name, value in conditions.items()}
    return await agent.call("PUT", "/game/files", params={"path": path}, data=content, headers=headers)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("mods/old.jar", "mods/other name.jar"),
        ("mods-uploaded/up.jar", "mods/up.jar"),
        ("logs/latest.log", "logs/yesterday.log"),
        ("mods-removed/gone.jar", "mods-removed/back"),
    ],
)
async def test_a_file_gets_another_name(agent: Client, path: str, to: str) -> None:
    content = (agent.folder / path).read_bytes()
    code, body = await move(agent, path, to)
    assert (code, body["path"]) == (200, to)
    assert (agent.folder / to).read_bytes() == content
    assert not (agent.folder / path).exists()


async def test_what_is_known_of_a_file_moves_along(agent: Client) -> None:
    await upload(agent, "mods/mine.jar")
    assert (await move(agent, "mods/mine.jar", "mods/yours.jar"))[1]["source"] == "user"


async def test_nothing_is_replaced_unless_asked_for(agent: Client) -> None:
    await upload(agent, "mods/new.jar", b"new")
    code, body = await move(agent, "mods/new.jar", "mods/old.jar")
    assert (code, body["error"]) == (409, "exists")
    assert (agent.folder / "mods" / "old.jar").read_text() == "old jar"
    assert (await move(agent, "mods/new.jar", "mods/old.jar", overwrite="true"))[0] == 200
    assert [path.name for path in (agent.folder / "mods").iterdir()] == ["old.jar"]
    assert (await move(agent, "mods/old.jar", "mods/old.jar", overwrite="true"))[0] == 409


@pytest.mark.parametrize(
    ("path", "to", "answer"),
    [
        ("mods/old.jar", "mods/old.zip", (403, "path_rejected")),
        ("mods/old.jar", "old.jar", (403, "path_rejected")),
        ("mods/old.jar", "mods/dir.jar", (409, "exists")),
        ("mods/old.jar", "mods/file-link.jar", (409, "exists")),
        ("mods/old.jar", f"mods/{EVIL}.jar", (403, "path_rejected")),
        ("mods/old.jar", "mods/.zlh-tmp-1.jar", (403, "path_rejected")),
        ("mods/dir.jar", "mods/other.jar", (403, "path_rejected")),
        ("mods/file-link.jar", "mods/other.jar", (403, "path_rejected")),
        ("mods/none.jar", "mods/other.jar", (404, "not_found")),
        ("server.properties", "logs/x.log", (403, "path_rejected")),
        ("ops.json", "mods/ops.jar", (403, "path_rejected")),
        ("logs/latest.log", "logs/latest.txt", (403, "path_rejected")),
    ],
)
async def test_what_may_not_be_moved_stays(
    agent: Client, path: str, to: str, answer: tuple[int, str]
) -> None:
    lay_links(agent.folder)
    (agent.folder / "mods" / "dir.jar").mkdir()
    before = snapshot(agent.home.parent)
    code, body = await move(agent, path, to, overwrite="true")
    assert (code, body["error"]) == answer
    assert snapshot(agent.home.parent) == before


async def test_hostile_paths_move_nothing_in_or_out(agent: Client) -> None:
    lay_links(agent.folder)
    top = agent.home.parent
    before = snapshot(top)
    paths = [path for kind in CORPUS.values() for path in kind][::7]
    for raw in paths:
        for query in (f"path={raw}&to=mods/x.jar", f"path=mods/old.jar&to={raw}"):
            code, body = await agent.call("POST", f"/game/files/move?overwrite=true&{query}")
            assert code in {400, 403, 404, 409}, (query, body)
    assert snapshot(top) == before


async def test_a_second_name_of_anothers_file_is_not_moved(agent: Client) -> None:
    if os.geteuid() != 0:
        pytest.fail("needs root, as an agent has it")
    os.link(agent.home.parent / "outside" / "f.jar", agent.folder / "mods" / "hard.jar")
    os.chown(agent.folder, 4321, 4321)
    code, body = await move(agent, "mods/hard.jar", "mods/mine.jar")
    assert (code, body["error"]) == (403, "path_rejected")
    assert (agent.home.parent / "outside" / "f.jar").read_text() == SECRET


async def test_a_move_takes_no_room(tmp_path: Path) -> None:
    async with files_agent(tmp_path, payload={"disk_mb": 1}) as agent:
        (agent.folder / "mods-uploaded" / "big.jar").write_bytes(bytes(2 << 20))
        assert (await upload(agent, "mods/x.jar"))[0] == 507
        assert (await move(agent, "mods-uploaded/big.jar", "mods/big.jar"))[0] == 200


async def test_a_folder_that_is_not_there_is_not_made(agent: Client) -> None:
    (agent.folder / "mods").rename(agent.folder / "other")
    code, body = await move(agent, "mods-uploaded/up.jar", "mods/up.jar")
    assert (code, body["error"]) == (404, "parent_missing")


async def test_a_change_of_another_version_is_refused(agent: Client) -> None:
    etag = (await get(agent, "read", "config/a.toml"))[1]["etag"]
    (agent.folder / "config" / "a.toml").write_text("a = 9\n")
    code, body = await save(agent, "config/a.toml", b"mine", If_Match=etag)
    assert (code, body["error"]) == (412, "changed_meanwhile")
    assert (agent.folder / "config" / "a.toml").read_text() == "a = 9\n"
    etag = (await get(agent, "stat", "config/a.toml"))[1]["etag"]
    code, body = await save(agent, "config/a.toml", b"mine", If_Match=f'"x", {etag}')
    assert code == 200
    assert (await save(agent, "config/a.toml", b"again", If_Match=body["etag"]))[0] == 200
    assert (await save(agent, "config/a.toml", b"old", If_Match=f"W/{body['etag']}"))[0] == 412
    assert (await save(agent, "config/none.toml", b"x", If_Match="*"))[0] == 412
    assert temporary(agent.home.parent) == []


async def test_of_two_changes_of_one_version_one_wins(agent: Client) -> None:
    """Both are compared before either is put in place, and only one of them is what it was compared with."""
    etag = (await get(agent, "stat", "config/a.toml"))[1]["etag"]
    hold = asyncio.Barrier(4)

    async def body(n: int) -> Any:
        yield b"half "
        await hold.wait()
        yield bytes([48 + n])

    answers = await asyncio.gather(*(save(agent, "config/a.toml", body(n), If_Match=etag) for n in range(4)))
    assert sorted(code for code, _ in answers) == [200, 412, 412, 412]
    [winner] = [n for n, (code, _) in enumerate(answers) if code == 200]
    assert (agent.folder / "config" / "a.toml").read_text() == f"half {winner}"


async def test_only_a_new_file_is_written_when_asked_so(agent: Client) -> None:
    assert (await save(agent, "config/a.toml", b"x", If_None_Match="*"))[0] == 412
    assert (await save(agent, "config/new.toml", b"x", If_None_Match="*"))[0] == 201


async def test_a_file_whose_name_hides_something_is_seen_read_renamed_and_removed(agent: Client) -> None:
    (agent.folder / "logs" / f"{EVIL}.log").write_text("seen")
    for name in (b"bad\xff.log", b"new\nline.log"):
        (agent.folder / "logs" / os.fsdecode(name)).write_text("x")
    _, listed = await get(agent, "list", "logs")
    [entry] = [entry for entry in listed["entries"] if "\u202e" in entry["name"]]
    assert (entry["allowed"], listed["unnamed"]) == (["delete", "move"], 2)
    path = entry["path"]
    assert (await get(agent, "read", path))[1]["content"] == "seen"
    assert (await put(agent, f"config/{EVIL}.toml"))[0] == 403
    assert (await move(agent, path, "logs/plain.log"))[0] == 200
    (agent.folder / path).write_text("again")
    assert (await send(agent, "DELETE", "", path))[0] == 200


async def test_entries_say_what_may_be_done(agent: Client) -> None:
    _, root = await get(agent, "list", "")
    allowed = {entry["name"]: entry["allowed"] for entry in root["entries"]}
    assert (allowed["server.properties"], allowed["ops.json"], allowed["mods"]) == (["write"], [], [])
    _, mods = await get(agent, "list", "mods")
    assert (root["takes"], mods["takes"], mods["entries"][0]["allowed"]) == ([], ["upload"], ["move"])
    assert (await get(agent, "stat", "logs/latest.log"))[1]["allowed"] == ["delete", "move"]
