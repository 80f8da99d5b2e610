"""Seals an authenticator's secret with AES-256-GCM, so that a copy of the database opens no account."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from zpack.control.accounts.auth import derived, key_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES = 20
"""RFC 4226 §4 recommends 160 bits."""
NONCE_BYTES = 12
"""NIST SP 800-38D §8.2.2: 96 random bits, fresh for each seal."""


class Broken(Exception):
    """What is stored was changed, is another user's, or was sealed with a secret that is gone."""


class Sealing:
    """Seals with the first secret, opens with all."""

    def __init__(self, secrets: Sequence[str]) -> None:
        keys = [derived(each.encode(), "zpack second factor") for each in secrets]
        self._keys = {key_id(key): key for key in keys}
        self._present = key_id(keys[0])

    def seal(self, secret: bytes, user_id: str) -> str:
        """Return what is stored of a secret; it opens for this user only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        hidden = _cipher(self._keys[self._present]).encrypt(nonce, secret, user_id.encode())
        return f"{self._present}.{base64.b64encode(nonce + hidden).decode()}"

    def open(self, sealed: str, user_id: str) -> bytes:
        """Return the secret. Raises Broken."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see _cipher

        name, _, body = sealed.partition(".")
        if name not in self._keys:
            raise Broken
        try:
            raw = base64.b64decode(body, validate=True)
            nonce, hidden = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
            return _cipher(self._keys[name]).decrypt(nonce, hidden, user_id.encode())
        except (InvalidTag, ValueError) as failure:
            raise Broken from failure

    def is_dated(self, sealed: str) -> bool:
        """Whether it was sealed with a secret that is on its way out."""
        return not sealed.startswith(f"{self._present}.")


def _cipher(key: bytes) -> AESGCM:
    # 9 MB that a process whose users have no second factor does not need.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)
