"""Seals an authenticator's secret, so that a copy of the database opens no account.

The secret is as short as one block of HMAC-SHA256, so it is masked with one: under a fresh nonce that is a
one-time pad as far as anybody can tell who lacks the key. A second block under another key is the seal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from zpack.control.accounts.auth import derived, key_id

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET_BYTES = 20
"""RFC 4226 §4 recommends 160 bits."""
NONCE_BYTES = 16


class Broken(Exception):
    """What is stored was changed, is another user's, or was sealed with a secret that is gone."""


class Sealing:
    """Seals with the first secret, opens with all."""

    def __init__(self, secrets: Sequence[str]) -> None:
        pairs = [
            (
                derived(each.encode(), "zpack second factor mask"),
                derived(each.encode(), "zpack second factor seal"),
            )
            for each in secrets
        ]
        self._keys = {key_id(seal): (mask, seal) for mask, seal in pairs}
        self._present = key_id(pairs[0][1])

    def seal(self, secret: bytes, user_id: str) -> str:
        """Return what is stored of a secret."""
        mask, seal = self._keys[self._present]
        nonce = secrets.token_bytes(NONCE_BYTES)
        hidden = _masked(secret, mask, nonce)
        tag = hmac.digest(seal, nonce + hidden + user_id.encode(), hashlib.sha256)
        return f"{self._present}.{base64.b64encode(nonce + hidden + tag).decode()}"

    def open(self, sealed: str, user_id: str) -> bytes:
        """Return the secret. Raises Broken."""
        name, _, body = sealed.partition(".")
        if name not in self._keys:
            raise Broken
        mask, seal = self._keys[name]
        raw = base64.b64decode(body)
        nonce, hidden = raw[:NONCE_BYTES], raw[NONCE_BYTES : NONCE_BYTES + SECRET_BYTES]
        tag = hmac.digest(seal, nonce + hidden + user_id.encode(), hashlib.sha256)
        if not hmac.compare_digest(tag, raw[NONCE_BYTES + SECRET_BYTES :]):
            raise Broken
        return _masked(hidden, mask, nonce)

    def is_dated(self, sealed: str) -> bool:
        """Whether it was sealed with a secret that is on its way out."""
        return not sealed.startswith(f"{self._present}.")


def _masked(block: bytes, key: bytes, nonce: bytes) -> bytes:
    stream = hmac.digest(key, nonce, hashlib.sha256)
    return bytes(a ^ b for a, b in zip(block, stream, strict=False))
