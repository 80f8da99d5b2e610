"""A corpus of hostile paths, sent through every verb of the real agent; nothing anywhere changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.files.hostile import CORPUS, LINKS
from tests.agent.files.world import SECRET, form, snapshot, temporary, upload
from tests.support.waiting import eventually
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.agent.bench import Client

VERBS = (
    "GET /list",
    "GET /stat",
    "GET /read",
    "GET /download",
    "PUT ",
    "DELETE ",
    "POST /revert",
    "POST /upload",
)
REFUSED = {400, 403, 404}
BODY = b'--b\r\nContent-Disposition: form-data; name="f"; filename="../../evil.jar"\r\n\r\nevil\r\n--b--\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


def lay_links(folder: Path) -> None:
    for place in ("", "mods", "config"):
        for name, target in LINKS.items():
            (folder / place / name).symlink_to(target.format(outside=folder.parents[3] / "outside"))
    for path in (
        "mods/file-link.jar",
        "config/file-link.toml",
        "logs/file-link.log",
        "mods-removed/file-link",
    ):
        (folder / path).symlink_to(folder.parents[3] / "outside" / "f.jar")


async def ask(agent: Client, verb: str, raw: str) -> tuple[str, str, int, bytes]:
    method, sub = verb.split(" ")
    url = URL(f"{agent.url}/game/files{sub}?overwrite=true&path={raw}", encoded=True)
    body = {"POST /upload": BODY, "PUT ": b"evil"}.get(verb)
    headers = FORM if verb == "POST /upload" else {}
    async with agent.http.request(method, url, data=body, headers=headers) as answer:
        return verb, raw, answer.status, await answer.read()


def test_the_corpus_is_large_enough() -> None:
    assert sum(len(set(paths)) for paths in CORPUS.values()) >= 400


@pytest.mark.parametrize("kind", CORPUS)
async def test_hostile_paths_are_refused_and_touch_nothing(agent: Client, kind: str) -> None:
    lay_links(agent.folder)
    top = agent.home.parent
    before = snapshot(top)
    turns = asyncio.Semaphore(6)

    async def one(verb: str, raw: str) -> tuple[str, str, int, bytes]:
        async with turns:
            return await ask(agent, verb, raw)

    answers = await asyncio.gather(*(one(verb, raw) for raw in set(CORPUS[kind]) for verb in VERBS))
    assert [a for a in answers if a[2] not in REFUSED or SECRET.encode() in a[3] or b"root:" in a[3]] == []
    assert snapshot(top) == before


async def test_the_name_in_a_multipart_body_counts_for_nothing(agent: Client) -> None:
    before = snapshot(agent.home.parent, without=agent.folder)
    assert (await ask(agent, "POST /upload", "mods/x.jar"))[2] == 201
    assert snapshot(agent.home.parent, without=agent.folder) == before
    assert not list(agent.folder.rglob("evil*"))


@pytest.mark.parametrize("header", ["a b", "\\", "localhost:99999999", "[::1", "x" * 3000])
async def test_a_hostile_host_header_is_answered(agent: Client, header: str) -> None:  # CVE-2024-1064
    async with agent.http.get(f"{agent.url}/game/files", headers={"Host": header}) as got:
        assert got.status in {200, 400}


@contextlib.contextmanager
def swapping(path: Path, target: str) -> Iterator[None]:
    """Somebody who keeps swapping a folder, or a file, with a link to ``target``."""
    stop = threading.Event()
    away, trap = path.with_name("away"), path.with_name("trap")
    trap.symlink_to(target)

    def swap() -> None:
        while not stop.is_set():
            for old, new in ((path, away), (trap, path), (path, trap), (away, path)):
                with contextlib.suppress(OSError):  # what is swapped may have been removed
                    old.rename(new)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


RACED = {
    "GET /list": ("mods", "mods"),
    "GET /stat": ("mods", "mods/f.jar"),
    "GET /read": ("config", "config/f.toml"),
    "GET /download": ("mods", "mods/f.jar"),
    "PUT ": ("config", "config/f.toml"),
    "DELETE ": ("logs", "logs/f.log"),
    "POST /revert": ("config", "config/f.toml"),
    "POST /upload": ("mods", "mods/f.jar"),
}


@pytest.mark.parametrize("what", ["folder", "file"])
@pytest.mark.parametrize("verb", RACED)
async def test_no_verb_can_be_raced_out_of_the_root(agent: Client, verb: str, what: str) -> None:
    """CVE-2023-25152, CVE-2023-25168, CVE-2024-27102, GHSA-rhq6-9rgh-v45c: every verb, not all but one."""
    folder, path = RACED[verb]
    outside = agent.folder.parents[3] / "outside"
    for name in ("f.toml", "f.log"):
        (outside / name).write_text(SECRET)
    shadow = agent.folder / ".zlh-shadow" / "config"
    shadow.mkdir(parents=True)
    for place in (agent.folder / path, shadow / "f.toml"):
        if not place.is_dir():
            place.write_text("mine")
    before = snapshot(agent.home.parent, without=agent.folder)
    raced, target = (
        (folder, outside) if what == "folder" or folder == path else (path, outside / path.split("/")[-1])
    )
    with swapping(agent.folder / raced, str(target)):
        for _ in range(40):
            _, _, status, body = await ask(agent, verb, path)
            assert status in REFUSED | {200, 201, 409}, body
            assert SECRET.encode() not in body
            if verb == "DELETE ":
                with contextlib.suppress(OSError):
                    fd = os.open(agent.folder / folder, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY)
                    os.close(os.open("f.log", os.O_CREAT, dir_fd=fd))
                    os.close(fd)
    after = snapshot(agent.home.parent, without=agent.folder)
    assert after == before
    assert temporary(agent.home) == []


async def endless() -> Any:
    while True:
        yield b"x" * 65536


@pytest.mark.parametrize("verb", ["PUT", "upload"])
async def test_a_body_without_end_is_cut_off(
    agent: Client, verb: str
) -> None:  # CVE-2026-55078, CVE-2026-55079
    if verb == "PUT":
        answer = await agent.call("PUT", "/game/files?path=server.properties", data=endless())
    else:
        answer = await agent.call(
            "POST", "/game/files/upload?path=world/datapacks/x.zip", data=form(endless(), name="x")
        )
    assert (answer[0], answer[1]["error"]) == (413, "too_large")
    assert temporary(agent.home.parent) == []


async def test_too_many_transfers_at_once_are_refused(agent: Client) -> None:
    assert agent.agent
    hold = asyncio.Event()

    async def slow() -> Any:
        yield b"x"
        await hold.wait()

    async with asyncio.TaskGroup() as group:
        held = [
            group.create_task(agent.call("POST", f"/game/files/upload?path=mods/{n}.jar", data=form(slow())))
            for n in range(8)
        ]
        await eventually(lambda: len(temporary(agent.folder)) == 8)
        code, body = await upload(agent, "mods/ninth.jar")
        assert (code, body["error"]) == (429, "too_many_requests")
        hold.set()
    assert {task.result()[0] for task in held} == {201}
