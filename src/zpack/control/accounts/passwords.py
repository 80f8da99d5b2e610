"""Hashing of passwords: in threads, few at once, and as slow for an account that is not there."""

from __future__ import annotations

import asyncio
import secrets

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

HASHING_AT_ONCE = 2
"""Argon2 takes 64 MiB and a core for some 50 ms: a flood of logins must not take them all."""


class Passwords:
    """Argon2id; bcrypt of the Node service is still understood."""

    def __init__(self) -> None:
        self._hash = PasswordHash((Argon2Hasher(), BcryptHasher()))
        self._decoy = self._hash.hash(secrets.token_hex(16))
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)

    async def hashed(self, password: str) -> str:
        """Return what is stored of a password."""
        async with self._hashing:
            return await asyncio.to_thread(self._hash.hash, password)

    async def verified(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Return whether a password is right, and a better hash of it when the stored one is dated.

        Without a stored one it is wrong, after the same time.
        """
        async with self._hashing:
            good, better = await asyncio.to_thread(
                self._hash.verify_and_update, password, hashed or self._decoy
            )
        return good and hashed is not None, better
