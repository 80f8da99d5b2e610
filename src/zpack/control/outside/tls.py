"""Whom we trust behind a TLS connection: an authority of the operator's own, or pinned certificates."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from pathlib import Path

Trust = ssl.SSLContext | aiohttp.Fingerprint


class Pinned(aiohttp.Fingerprint):
    """Certificates that are trusted for what they are, whoever signed them and however old they are."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        super().__init__(digests[0])
        self._digests = frozenset(digests)

    def check(self, transport: asyncio.Transport) -> None:
        """Refuse a certificate that is none of ours. Raises ServerFingerprintMismatch."""
        tls = transport.get_extra_info("ssl_object")
        if tls is None:
            return
        got = hashlib.sha256(tls.getpeercert(binary_form=True) or b"").digest()
        if got not in self._digests:
            host, port, *_ = transport.get_extra_info("peername")
            raise aiohttp.ServerFingerprintMismatch(self.fingerprint, got, host, port)


def authority(path: Path) -> ssl.SSLContext:
    """Return trust in the authorities of a PEM file alone. Raises OSError (an ``ssl.SSLError`` is one)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return context


def pinned(fingerprints: Sequence[str]) -> Pinned:
    """Return trust in certificates with these SHA-256 fingerprints, as Proxmox shows them: ``AA:BB:…``."""
    return Pinned([bytes.fromhex(text.replace(":", "")) for text in fingerprints])


def complaint_of(failure: Exception) -> str:
    """Return in a few words why a certificate was refused."""
    if isinstance(failure, aiohttp.ServerFingerprintMismatch):
        return f"its certificate has another fingerprint: {failure.got.hex(':').upper()}"
    told = getattr(failure, "certificate_error", failure)
    return str(getattr(told, "verify_message", "") or type(told).__name__)[:200]
