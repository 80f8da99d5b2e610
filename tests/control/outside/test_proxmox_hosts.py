"""Several API hosts of one cluster: what moves on to the next, what does not, and when a host comes back."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.control.outside.api_hosts import listening, losing, saying, silent
from tests.control.provisioning.counterparts import TOKEN, Cluster
from zpack.control.engine.budget import Budget
from zpack.control.engine.errors import ForeignError
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Denied, Proxmox, Unreachable
from zpack.control.outside.proxmox_access import Token
from zpack.control.outside.proxmox_errors import Lost
from zpack.control.outside.proxmox_hosts import ApiHosts, Question, node_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.control.outside.api_hosts import Serve

DEAD = "http://127.82.0.9:9"
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>Hi</h1>\r\n"


def failing(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()


@contextlib.asynccontextmanager
async def client(*urls: str) -> AsyncGenerator[Proxmox]:
    made = Proxmox(base_url=",".join(urls), token=TOKEN, node="local", http=ForeignHttp(name="Proxmox"))
    try:
        yield made
    finally:
        await made.close()


async def start(proxmox: Proxmox) -> None:
    await proxmox.start(vmid=5000, node="local", budget=Budget.seconds(5))


def starts(cluster: Cluster) -> int:
    return sum(str(path).endswith("/status/start") for _, path, _ in cluster.requests)


READ_FAILS: dict[str, Serve] = {
    "silent": silent,
    "breaks off": saying(b""),
    "garbage": saying(b"\x00\xff\r\n\r\n"),
    "not Proxmox": saying(HTML),
    "502": saying(failing("502 Bad Gateway")),
    "595": saying(failing("595 Connection refused")),
    "596": saying(failing("596 Connection timed out")),
}


@pytest.mark.parametrize("manner", READ_FAILS)
async def test_a_read_goes_on_to_the_next_host(cluster_url: str, manner: str) -> None:
    async with listening(READ_FAILS[manner]) as bad, client(bad, cluster_url) as proxmox:
        assert (await proxmox.version(Budget.seconds(2)))["release"]


async def test_a_host_that_does_not_listen_is_passed_over(cluster: Cluster, cluster_url: str) -> None:
    cluster.add_ct(5000, node="local")
    async with client(DEAD, cluster_url) as proxmox:
        await start(proxmox)
    assert starts(cluster) == 1


@pytest.mark.parametrize("status", ["503 Service Unavailable", "595 No route to host"])
async def test_a_change_that_was_surely_not_sent_goes_on(
    cluster: Cluster, cluster_url: str, status: str
) -> None:
    cluster.add_ct(5000, node="local")
    async with listening(saying(failing(status))) as bad, client(bad, cluster_url) as proxmox:
        await start(proxmox)
    assert starts(cluster) == 1


@pytest.mark.parametrize("manner", ["breaks off", "garbage", "not Proxmox", "502", "596"])
async def test_a_change_whose_answer_was_lost_is_not_repeated(
    cluster: Cluster, cluster_url: str, manner: str
) -> None:
    cluster.add_ct(5000, node="local")
    async with listening(READ_FAILS[manner]) as bad, client(bad, cluster_url) as proxmox:
        with pytest.raises(Lost) as failed:
            await start(proxmox)
    assert failed.value.transient
    assert failed.value.timed_out
    assert starts(cluster) == 0


async def test_a_lost_start_is_found_among_the_running_tasks(cluster: Cluster, cluster_url: str) -> None:
    cluster.time_scale = 1
    cluster.add_ct(5000, node="local").start_secs = 1
    async with (
        listening(losing(cluster_url, answers=True, path=b"/status/start")) as lossy,
        client(lossy) as proxmox,
    ):
        await start(proxmox)
    assert starts(cluster) == 1
    assert cluster.ct(5000).status == "running"


async def test_what_proxmox_itself_refuses_is_not_asked_elsewhere(cluster: Cluster, cluster_url: str) -> None:
    refusing = saying(failing("403 Permission check failed (/vms/5000, VM.PowerMgmt)"))
    async with listening(refusing) as bad, client(bad, cluster_url) as proxmox:
        with pytest.raises(Denied):
            await start(proxmox)
    assert starts(cluster) == 0


async def test_when_every_host_is_away_the_cluster_is() -> None:
    async with client(DEAD, "http://127.82.0.9:10") as proxmox:
        with pytest.raises(Unreachable) as failed:
            await proxmox.version(Budget.seconds(5))
    assert failed.value.transient


class Counted:
    """Counts how often a host is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = failing("502 Bad Gateway")

    async def __call__(self, reader: object, writer: object) -> None:
        self.asked += 1
        await saying(self.answer)(reader, writer)


async def test_a_host_that_failed_rests_and_comes_back(cluster_url: str) -> None:
    first = Counted()
    async with listening(first) as url:
        http = ForeignHttp(name="Proxmox")
        hosts = ApiHosts(urls=[url, cluster_url], access=Token(TOKEN), http=http, rest=60)
        for _ in range(3):
            await hosts.ask(Question("GET", "/version"), Budget.seconds(5))
        assert first.asked == 1
        hosts._resting.clear()
        await hosts.ask(Question("GET", "/version"), Budget.seconds(5))
        assert first.asked == 2
        await hosts.close()


async def test_a_way_to_one_node_that_is_broken_does_not_rest_the_host(cluster_url: str) -> None:
    first = Counted()
    first.answer = failing("595 No route to host")
    async with listening(first) as url:
        http = ForeignHttp(name="Proxmox")
        hosts = ApiHosts(urls=[url, cluster_url], access=Token(TOKEN), http=http, rest=60)
        for path in ("/nodes/local/lxc", "/nodes/local/lxc", "/nodes/pve2/lxc"):
            with contextlib.suppress(ForeignError):
                await hosts.ask(Question("GET", path), Budget.seconds(5))
        assert first.asked == 2
        await hosts.close()


@pytest.mark.parametrize(
    ("path", "node"), [("/nodes/pve1/lxc/5/config", "pve1"), ("/nodes", None), ("/cluster/status", None)]
)
def test_the_node_of_a_path(path: str, node: str | None) -> None:
    assert node_of(path) == node
