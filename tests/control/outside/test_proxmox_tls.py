"""Whom we trust behind TLS: real certificates on a real server."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from aiohttp import web

from zpack.control.engine.budget import Budget
from zpack.control.outside.http import ForeignHttp, Untrusted
from zpack.control.outside.proxmox import Proxmox
from zpack.control.outside.tls import authority, pinned

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from zpack.control.outside.tls import Trust

HOST = "127.82.0.6"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "pve-root-ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@contextlib.asynccontextmanager
async def behind(certificate: trustme.LeafCert, trust: Trust | None) -> AsyncGenerator[Proxmox]:
    """Serve ``/version`` behind a certificate; yield a client that trusts whom it is told to."""

    async def version(request: web.Request) -> web.Response:
        del request
        return web.json_response({"data": {"version": "9.0.3"}})

    app = web.Application()
    app.router.add_get("/api2/json/version", version)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
    url = f"https://{HOST}:{runner.addresses[0][1]}"
    client = Proxmox(base_url=url, token="a@b!c=d", node="n", http=ForeignHttp(name="Proxmox", tls=trust))
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def fingerprint(certificate: trustme.LeafCert) -> str:
    pem = certificate.cert_chain_pems[0].bytes().decode()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest().hex(":").upper()


async def trusted(certificate: trustme.LeafCert, trust: Trust | None) -> bool:
    async with behind(certificate, trust) as client:
        try:
            return bool(await client.version(Budget.seconds(10)))
        except Untrusted:
            return False


async def test_the_cluster_s_own_authority_is_trusted(ca: trustme.CA, ca_file: Path) -> None:
    assert await trusted(ca.issue_cert(HOST), authority(ca_file))


async def test_without_it_nobody_is(ca: trustme.CA) -> None:
    assert not await trusted(ca.issue_cert(HOST), None)


async def test_another_host_s_certificate_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    assert not await trusted(ca.issue_cert("127.82.0.7"), authority(ca_file))


async def test_an_expired_certificate_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    assert not await trusted(ca.issue_cert(HOST, not_after=YESTERDAY), authority(ca_file))


async def test_another_authority_s_certificate_is_refused(ca_file: Path) -> None:
    assert not await trusted(trustme.CA().issue_cert(HOST), authority(ca_file))


async def test_a_pinned_certificate_is_trusted_for_what_it_is(ca: trustme.CA) -> None:
    certificate = ca.issue_cert("pve.example.net", not_after=YESTERDAY)
    assert await trusted(certificate, pinned(["00" * 32, fingerprint(certificate)]))


async def test_another_fingerprint_is_refused_and_told(ca: trustme.CA) -> None:
    certificate = ca.issue_cert(HOST)
    async with behind(certificate, pinned(["00" * 32])) as client:
        with pytest.raises(Untrusted, match=fingerprint(certificate)) as failed:
            await client.version(Budget.seconds(10))
    assert not failed.value.transient
    assert not failed.value.timed_out
