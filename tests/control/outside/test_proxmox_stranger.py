"""A cluster of strangers in a process of its own, behind TLS: it is stopped, killed and asked all the same."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import signal
import ssl
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.support.slowness import slowness
from zpack.control.engine.budget import Budget
from zpack.control.outside.http import ForeignHttp
from zpack.control.outside.proxmox import Proxmox, Unreachable
from zpack.control.outside.proxmox_access import Ticket
from zpack.control.outside.tls import pinned

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator
    from pathlib import Path

HOST = "127.82.0.8"
TEMPLATE = {"type": "lxc", "vmid": 9000, "name": "base", "template": True, "node": "pve1"}
NEW = {"template": 9000, "node": "pve1", "newid": 5000, "hostname": "mc-5000", "description": "zpack"}


@pytest.fixture
def certificate(tmp_path: Path) -> trustme.LeafCert:
    made = trustme.CA().issue_cert(HOST)
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    return made


@pytest.fixture
async def stranger(tmp_path: Path, certificate: trustme.LeafCert) -> AsyncGenerator[tuple[Process, str]]:
    """Start ``fakepve``; yield the process and its URL."""
    assert certificate
    (tmp_path / "guests.json").write_text(json.dumps({"guests": [TEMPLATE]}))
    words = (sys.executable, "-m", "fakepve", str(tmp_path / "guests.json"), "--host", HOST, "--port", "0")
    files = ("--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"), "--time-scale", "0.05")
    process = await asyncio.create_subprocess_exec(*words, *files, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 20 * slowness())
    yield process, line.decode().split()[-1]
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest.fixture
async def client(stranger: tuple[Process, str], certificate: trustme.LeafCert) -> AsyncGenerator[Proxmox]:
    pem = certificate.cert_chain_pems[0].bytes().decode()
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    made = Proxmox(
        base_url=stranger[1],
        access=Ticket(user="root@pam", password="secret"),
        node="pve1",
        http=ForeignHttp(name="Proxmox", tls=pinned([digest])),
    )
    yield made
    await made.close()


async def test_a_life_behind_tls_with_a_ticket(client: Proxmox) -> None:
    budget = Budget.seconds(60)
    where = {"vmid": 5000, "node": "pve1", "budget": budget}
    await client.clone(**NEW, storage=None, pool=None, budget=budget)
    settings = {"memory": "1024", "net0": "name=eth0,bridge=vmbr0,ip=10.0.0.5/24,type=veth"}
    await client.configure(settings=settings, **where)
    await client.start(**where)
    assert await client.address(**where) == "10.0.0.5"
    await client.shutdown(seconds=10, **where)
    await client.delete(**where)
    assert await client.locate(5000, budget) is None


async def test_a_host_that_hangs_is_waited_for_no_longer_than_allowed(
    client: Proxmox, stranger: tuple[Process, str]
) -> None:
    process, _ = stranger
    assert await client.ping(Budget.seconds(30))
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(Unreachable) as failed:
        await client.guests(Budget.seconds(0.5))
    process.send_signal(signal.SIGCONT)
    assert failed.value.transient
    assert set(await client.guests(Budget.seconds(30))) == {9000}


async def test_a_host_that_dies_is_away(client: Proxmox, stranger: tuple[Process, str]) -> None:
    process, _ = stranger
    assert await client.ping(Budget.seconds(30))
    process.kill()
    await process.wait()
    with pytest.raises(Unreachable) as failed:
        await client.guests(Budget.seconds(5))
    assert failed.value.transient
