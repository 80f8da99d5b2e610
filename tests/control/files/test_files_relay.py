"""An agent that lies, hangs, floods or breaks off, and clients that go away: control stays whole, and says why."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from sqlalchemy import update

from tests.agent.files.world import form, temporary
from tests.control.files.conftest import SERVER, TOKEN
from tests.support.waiting import eventually
from zpack.control.db.tables import ContainerInstance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.agent.bench import Client
    from tests.control.conftest import Api, Database
    from tests.control.files.conftest import Hers
    from zpack.control.outside.agent_stream import AgentStreams

OK = b"HTTP/1.1 200 OK\r\n"
MANNERS: dict[str, bytes] = {
    "reset": b"",
    "no-http": b"what do you want\r\n\r\n",
    "no-length": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "other-status": b"HTTP/1.1 204 No Content\r\n\r\n",
    "unauthorized": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
    "flood-of-error": b"HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 3_000_000,
    "endless-header": OK + b"X: " + b"x" * 300_000,
    "bad-length": OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
}
CUT = OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 5000
EVIL = OK + (
    b"Content-Length: 5\r\nContent-Type: text/html\r\nContent-Disposition: inline\r\nSet-Cookie: token=evil\r\n"
    b"ETag: <script>\r\nLast-Modified: now\r\nContent-Range: bytes x\r\nContent-Encoding: gzip\r\n"
    b"Access-Control-Allow-Origin: *\r\nRefresh: 0; url=http://evil\r\n\r\nhello"
)


class Hostile:
    """An agent that says what it is told to, whatever it is asked."""

    def __init__(self) -> None:
        self.says = b""
        self.holds = False
        self.heads: list[bytes] = []
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            self.asked.set()
            writer.write(self.says)
            await writer.drain()
            while self.holds and await reader.read(65536):
                pass
            self.gone.set()
        writer.close()


@pytest.fixture
async def hostile() -> Hostile:
    return Hostile()


@pytest.fixture
async def address(hostile: Hostile) -> AsyncIterator[tuple[str, int]]:
    server = await asyncio.start_server(hostile.serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[:2]
    server.close()


@pytest.mark.parametrize("manner", MANNERS)
async def test_what_is_no_download_is_a_bad_gateway(hers: Hers, hostile: Hostile, manner: str) -> None:
    hostile.says = MANNERS[manner]
    status, headers, body = await hers.raw("GET", "/download", "x")
    assert status in {500, 502} if manner == "flood-of-error" else status == 502
    assert headers["Content-Type"] == "application/json"
    assert len(body) < 2000


async def test_nothing_an_agent_says_reaches_a_browser_as_more_than_bytes(
    hers: Hers, hostile: Hostile
) -> None:
    hostile.says = EVIL
    _, headers, body = await hers.raw("GET", "/download", 'a".html')
    assert body == b"hello"
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith('attachment; filename="a_.html"')
    assert not {"Set-Cookie", "ETag", "Last-Modified", "Refresh", "Content-Encoding"} & set(headers)


async def test_a_download_that_breaks_off_is_not_taken_for_whole(
    hers: Hers, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    hostile.says = CUT
    with pytest.raises(aiohttp.ClientPayloadError):
        await hers.raw("GET", "/download", "x")
    assert "download from 5001: upstream_reset after 5000 bytes" in caplog.text


async def test_an_agent_that_hangs_is_given_up(
    hers: Hers, api: Api, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    streams(api).idle_seconds = 0.3
    hostile.holds = True
    assert (await hers.call("GET", "/download", "x")).status == 504
    assert "upstream_timeout after 0 bytes" in caplog.text


async def test_an_upload_into_an_agent_that_hangs_is_given_up(
    hers: Hers, api: Api, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    streams(api)._seconds = 0.5
    hostile.holds = True
    assert (await hers.call("POST", "/upload", "mods/x.jar", data=form(b"x"))).status == 504
    assert "upload to 5001: upstream_timeout" in caplog.text


async def test_an_agent_that_breaks_off_an_upload_is_a_bad_gateway(
    hers: Hers, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    reply = await hers.call("POST", "/upload", "mods/x.jar", data=form(endless()))
    assert (reply.status, reply.body["error"]) == (502, "upstream_failed")
    assert hostile.asked.is_set()
    assert "upload to 5001: upstream_reset" in caplog.text


@pytest.mark.seed("S68")
async def test_an_early_no_ends_an_upload_at_once(hers: Hers, hostile: Hostile) -> None:
    no = b'{"error": "exists", "message": "it exists already"}'
    hostile.holds = True
    hostile.says = (
        b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(no), no)
    )
    reply = await hers.call("POST", "/upload", "mods/x.jar", data=form(endless()))
    assert (reply.status, reply.body["details"]["error"]) == (409, "exists")
    assert reply.headers["Connection"] == "close"


@pytest.mark.seed("S68")
async def test_an_upload_keeps_its_boundary_and_not_its_length(hers: Hers, hostile: Hostile) -> None:
    hostile.says = OK + b"Content-Length: 2\r\n\r\n{}"
    head = {
        "Content-Type": 'multipart/form-data; boundary="b b"',
        "Cookie": "a=b",
        "X-Forwarded-For": "1.2.3.4",
    }
    await hers.call("POST", "/upload", "mods/x.jar", data=b"12345", headers=head)
    said = hostile.heads[0].decode().lower()
    assert 'content-type: multipart/form-data; boundary="b b"' in said
    assert "transfer-encoding: chunked" in said
    assert f"authorization: bearer {TOKEN}" in said
    for word in ("content-length", "cookie", "x-forwarded-for", "expect"):
        assert word not in said


async def test_a_client_that_goes_away_ends_the_upload_at_the_agent(
    hers: Hers, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    hostile.holds = True
    call = asyncio.create_task(hers.call("POST", "/upload", "mods/x.jar", data=form(stuck())))
    await hostile.asked.wait()
    call.cancel()
    await hostile.gone.wait()
    await eventually(lambda: "upload to 5001: client_abort after" in caplog.text)


async def test_a_client_that_goes_away_ends_the_download_at_the_agent(
    hers: Hers, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    hostile.says = OK + b"Content-Length: 1000000000\r\n\r\n" + b"x" * 1_000_000
    hostile.holds = True
    session, url = hers.caller._session, f"{hers.caller.base}{SERVER}/download?path=x"
    async with session.get(url) as answer:
        await answer.content.readexactly(1000)
        answer.close()
    await hostile.gone.wait()
    await eventually(lambda: "download from 5001: client_abort after" in caplog.text)


async def test_a_client_that_sends_nothing_is_given_up(
    hers: Hers, api: Api, hostile: Hostile, caplog: pytest.LogCaptureFixture
) -> None:
    streams(api).idle_seconds = 0.3
    hostile.holds = True
    reply = await hers.call("POST", "/upload", "mods/x.jar", data=form(stuck()))
    assert (reply.status, reply.body["error"]) == (408, "body_too_slow")
    assert "upload to 5001: client_timeout" in caplog.text


async def test_a_body_larger_than_any_upload_is_refused_before_it_is_sent(
    hers: Hers, hostile: Hostile
) -> None:
    reply = await hers.call(
        "POST", "/upload", "mods/x.jar", data=stuck(), headers={"Content-Length": str(3 << 30)}
    )
    assert (reply.status, reply.body["error"]) == (413, "body_too_large")
    assert not hostile.asked.is_set()


async def test_a_transfer_ends_when_its_right_does(
    hers: Hers, hostile: Hostile, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    hostile.holds = True

    async def flow() -> Any:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.02)

    call = asyncio.create_task(hers.call("POST", "/upload", "mods/x.jar", data=form(flow())))
    await hostile.asked.wait()
    async with database.transaction() as session:
        await session.execute(update(ContainerInstance).values(customer_id="somebody"))
    reply = await call
    assert (reply.status, reply.body["error"]) == (403, "access_revoked")
    assert "rights_ended" in caplog.text


async def endless() -> Any:
    while True:
        yield b"x" * 65536


async def stuck() -> Any:
    yield b"x"
    await asyncio.Event().wait()


def streams(api: Api) -> AgentStreams:
    return api.files._streams


class TestWithARealAgent:
    """What a client's end means on the disk."""

    @pytest.fixture
    def address(self, agent: Client) -> tuple[str, int]:
        host, _, port = agent.url.removeprefix("http://").partition(":")
        return host, int(port)

    async def test_a_client_that_goes_away_leaves_no_file(self, hers: Hers, agent: Client) -> None:
        call = asyncio.create_task(hers.call("POST", "/upload", "mods/x.jar", data=form(stuck())))
        await eventually(lambda: temporary(agent.root))
        call.cancel()
        await eventually(lambda: not temporary(agent.home.parent))
        assert not (agent.folder / "mods" / "x.jar").exists()

    async def test_a_no_from_the_agent_arrives_while_the_client_still_sends(
        self, hers: Hers, agent: Client
    ) -> None:
        reply = await hers.call("POST", "/upload", "mods/old.jar", data=form(endless()))
        assert (reply.status, reply.body["details"]["error"]) == (409, "exists")
        assert (agent.folder / "mods" / "old.jar").read_text() == "old jar"
