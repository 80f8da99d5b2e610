"""Answers as bytes, as a real pveproxy sends them: status line, reason phrase, body."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside import proxmox_errors as pve
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

HEAD = (
    "Server: pve-api-daemon/3.0\r\nContent-Type: application/json;charset=UTF-8\r\n"
    "Pragma: no-cache\r\nConnection: close\r\nContent-Length: {0}\r\n\r\n"
)
UPID = "UPID:local:0000A1B2:00C3D4E5:65F00000:vzstart:5000:root@pam!zpack:"


def answer(line: str, body: str = '{"data":null}') -> bytes:
    return (f"HTTP/1.1 {line}\r\n" + HEAD.format(len(body)) + body).encode()


@contextlib.asynccontextmanager
async def talking(*answers: bytes, pause: float = 0) -> AsyncGenerator[Proxmox]:
    """Yield a client of a server that gives these answers in order, whatever it is asked."""
    left, served = list(answers), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(pause)
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.82.0.3", 0)
    port = server.sockets[0].getsockname()[1]
    http = ForeignHttp(name="Proxmox")
    client = Proxmox(base_url=f"http://127.82.0.3:{port}", token="a@b!c=d", node="local", http=http)
    try:
        yield client
    finally:
        await client.close()
        server.close()
        await server.wait_closed()
        await asyncio.wait_for(asyncio.gather(*served), 10)


async def start(client: Proxmox, seconds: float = 5) -> None:
    await client.start(vmid=5000, node="local", budget=Budget.seconds(seconds))


@pytest.mark.parametrize(
    ("raw", "kind", "transient"),
    [
        (answer("500 CT is locked (disk)"), pve.Locked, True),
        (answer("500 x", '{"message":"CT is locked (backup)\\n","data":null}'), pve.Locked, True),
        (answer("500 can't lock file '/run/lock/lxc/pve-config-5000.lock' - got timeout"), pve.Locked, True),
        (answer("500 Configuration file 'nodes/local/lxc/5000.conf' does not exist"), pve.Missing, False),
        (answer("500 CT 5000 already exists on node 'local'"), pve.AlreadyExists, False),
        (answer("401 No ticket", ""), pve.Denied, False),
        (answer("403 Permission check failed (/vms/5000, VM.PowerMgmt)"), pve.Denied, False),
        (answer("595 Connection refused", ""), pve.Unreachable, True),
        (answer("596 Connection timed out", ""), pve.Lost, True),
        (answer("500 cluster not ready - no quorum?"), pve.NoQuorum, True),
        (answer("500 unable to open file '/etc/pve/a.tmp.1' - Permission denied"), pve.NoQuorum, True),
        (answer("500 storage 'fast' does not exist"), pve.Misconfigured, False),
        (answer("500 no such cluster node 'pve9'"), pve.Misconfigured, False),
        (answer("500 unable to fork worker - Cannot allocate memory"), pve.Overloaded, True),
        (answer("429 Too Many Requests", ""), pve.Overloaded, True),
        (answer("400 Parameter verification failed.", '{"errors":{"x":"y"}}'), pve.BadParameter, False),
        (answer("501 Method 'POST /x' not implemented"), ForeignError, False),
        (answer("500 "), ForeignError, False),
    ],
)
async def test_errors_are_split_by_what_a_caller_can_do(
    raw: bytes, kind: type[ForeignError], transient: bool
) -> None:
    async with talking(raw) as client:
        with pytest.raises(ForeignError) as failed:
            await start(client)
    assert type(failed.value) is kind
    assert failed.value.transient is transient


async def test_an_already_running_container_is_started() -> None:
    async with talking(answer("500 CT 5000 already running")) as client:
        await start(client)


async def test_the_body_s_message_wins_over_the_reason_phrase_and_names_parameters() -> None:
    body = (
        '{"errors":{"newid":"type check (\'integer\') failed"},"message":"Parameter verification failed.\\n"}'
    )
    async with talking(answer("400 Bad Request", body)) as client:
        with pytest.raises(ForeignError, match=r"Parameter verification failed.*newid"):
            await start(client)


@pytest.mark.parametrize(("end", "good"), [("OK", True), ("WARNINGS: 2", True), ("command failed", False)])
async def test_a_task_s_exit_status_decides(end: str, good: bool) -> None:
    stopped = f'{{"data":{{"status":"stopped","exitstatus":"{end}"}}}}'
    async with talking(answer("200 OK", f'{{"data":"{UPID}"}}'), answer("200 OK", stopped)) as client:
        with contextlib.nullcontext() if good else pytest.raises(ForeignError, match="command failed"):
            await start(client)


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", b"\x00\xff\r\n\r\n"]
)
async def test_a_broken_connection_leaves_the_effect_unknown(raw: bytes) -> None:
    async with talking(raw) as client:
        with pytest.raises(ForeignError) as failed:
            await start(client)
    assert failed.value.transient
    assert failed.value.timed_out


async def test_silence_ends_with_the_budget() -> None:
    async with talking(b"", pause=1) as client, asyncio.timeout(20):
        with pytest.raises(ForeignError) as failed:
            await start(client, seconds=0.2)
    assert failed.value.timed_out


@pytest.mark.parametrize("body", ["[]", '"x"', "null", "{", "", "{}", "<h1>It works!</h1>", '{"data":null}'])
async def test_a_list_that_is_none_is_not_believed_to_be_empty(body: str) -> None:
    async with talking(answer("200 OK", body)) as client:
        with pytest.raises(pve.Garbled) as failed:
            await client.locate(5000, Budget.seconds(5))
    assert failed.value.transient


async def test_rows_that_are_none_are_left_out() -> None:
    async with talking(answer("200 OK", '{"data":[1,null,{"vmid":"5000"},{"type":"lxc"}]}')) as client:
        assert await client.guests(Budget.seconds(5)) == {}


async def test_an_endless_body_is_cut_off() -> None:
    flood = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (17 << 20)
    async with talking(flood) as client:
        with pytest.raises(ForeignError, match="more than"):
            await client.guests(Budget.seconds(20))
