"""Downloads: whole, ranged, conditional, and never anything but a regular file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from zpack.agent.files.ranges import Unsatisfiable, wanted

if TYPE_CHECKING:
    from tests.agent.bench import Client

CONTENT = bytes(range(256)) * 20


async def fetch(agent: Client, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    url = f"{agent.url}/game/files/download"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with agent.http.request(method, url, params={"path": path}, headers=sent) as answer:
        return answer.status, await answer.read(), answer.headers


@pytest.fixture
def data(agent: Client) -> bytes:
    (agent.folder / "world" / "data.bin").write_bytes(CONTENT)
    return CONTENT


async def test_a_file_is_sent_to_be_saved(agent: Client, data: bytes) -> None:
    code, body, headers = await fetch(agent, "world/data.bin")
    assert (code, body) == (200, data)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "attachment; filename=\"data.bin\"; filename*=UTF-8''data.bin"
    assert headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("name", ['a"b;.html', "grüße 🙂.txt", "%0d%0aX: y", "a%22.bin"])
async def test_a_name_cannot_break_out_of_its_header(agent: Client, name: str) -> None:
    (agent.folder / "logs" / name).write_text("x")
    code, body, headers = await fetch(agent, f"logs/{name}")
    assert (code, body) == (200, b"x")
    assert headers["Content-Disposition"].count('"') == 2
    assert headers["Content-Disposition"].isascii()
    assert "X" not in headers


async def test_a_large_file_arrives_whole(agent: Client) -> None:
    content = os.urandom(5 * 1024 * 1024 + 7)
    (agent.folder / "world" / "r.mca").write_bytes(content)
    assert (await fetch(agent, "world/r.mca"))[1] == content


async def test_an_empty_file_is_sent(agent: Client) -> None:
    (agent.folder / "world" / "empty").touch()
    assert (await fetch(agent, "world/empty"))[:2] == (200, b"")


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-0", slice(0, 1)), ("bytes=10-19", slice(10, 20)), ("bytes=5000-", slice(5000, None)),
     ("bytes=-20", slice(-20, None)), ("bytes=100-99999999", slice(100, None)), ("bytes=-999999", slice(None))],
)  # fmt: skip
async def test_a_range_is_sent_alone(agent: Client, data: bytes, asked: str, part: slice) -> None:
    code, body, headers = await fetch(agent, "world/data.bin", Range=asked)
    assert (code, body) == (206, data[part])
    start = len(data[: part.start]) if part.start else 0
    assert headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/{len(data)}"


@pytest.mark.parametrize("asked", ["bytes=5120-", "bytes=99999-100000", "bytes=-0"])
async def test_a_range_behind_the_end_cannot_be_sent(agent: Client, data: bytes, asked: str) -> None:
    code, body, headers = await fetch(agent, "world/data.bin", Range=asked)
    assert (code, headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    assert b"range_not_satisfiable" in body


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,3-4", "bytes=b-c", "lines=1-2", "bytes=9-3", "bytes=-", "bytes=" + "9" * 30 + "-", "bytes"],
)
def test_what_is_no_single_range_is_ignored(asked: str) -> None:
    assert wanted(asked, size=10, if_range=None, etag='"e"') is None


def test_nothing_of_an_empty_file_can_be_asked_for() -> None:
    with pytest.raises(Unsatisfiable):
        wanted("bytes=0-", size=0, if_range=None, etag='"e"')


async def test_a_range_of_another_version_is_the_whole_file(agent: Client, data: bytes) -> None:
    _, _, before = await fetch(agent, "world/data.bin")
    etag = before["ETag"]
    assert (await fetch(agent, "world/data.bin", Range="bytes=1-2", If_Range=etag))[:2] == (206, data[1:3])
    (agent.folder / "world" / "data.bin").write_bytes(b"other")
    assert (await fetch(agent, "world/data.bin", Range="bytes=1-2", If_Range=etag))[:2] == (200, b"other")


async def test_head_says_what_get_would(agent: Client, data: bytes) -> None:
    code, body, headers = await fetch(agent, "world/data.bin", "HEAD", Range="bytes=0-99")
    assert (code, body, headers["Content-Length"]) == (206, b"", "100")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_only_regular_files_are_sent(agent: Client, method: str) -> None:
    os.mkfifo(agent.folder / "pipe")
    (agent.folder / "link").symlink_to("server.properties")
    answers = {path: (await fetch(agent, path, method))[0] for path in ("pipe", "link", "mods", "", "none")}
    assert answers == {"pipe": 400, "link": 403, "mods": 400, "": 400, "none": 404}


async def test_a_file_that_becomes_shorter_ends_the_connection(agent: Client) -> None:
    path = agent.folder / "world" / "shrinks"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    url = f"{agent.url}/game/files/download?path=world/shrinks"
    with pytest.raises(aiohttp.ClientPayloadError):
        async with agent.http.get(url) as answer:
            await answer.content.readexactly(1)
            os.truncate(path, 10)
            await answer.read()
