"""Hashing of passwords: in threads, few at once, and as slow for an account that is not there.

Whoever asks for many at once waits in a line of his own, so that a flood from one network leaves a place to
the others.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

HASHING_AT_ONCE = 2
"""Argon2 takes 64 MiB and a core for some 50 ms: a flood of logins must not take them all."""


class Passwords:
    """Argon2id; bcrypt of the Node service is still understood."""

    def __init__(self, *, memory_kib: int = 65536, passes: int = 3) -> None:
        argon2 = Argon2Hasher(memory_cost=memory_kib, time_cost=passes)
        self._hash = PasswordHash((argon2, BcryptHasher()))
        self._decoy = self._hash.hash(secrets.token_hex(16))
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def hashed(self, password: str, *, line: str = "") -> str:
        """Return what is stored of a password; ``line`` is whom else it may keep waiting."""
        async with self._turn(line):
            return await asyncio.to_thread(self._hash.hash, password)

    async def verified(self, password: str, hashed: str | None, *, line: str = "") -> tuple[bool, str | None]:
        """Return whether a password is right, and a better hash of it when the stored one is dated.

        Without a stored one it is wrong, after the same time.
        """
        async with self._turn(line):
            good, better = await asyncio.to_thread(
                self._hash.verify_and_update, password, hashed or self._decoy
            )
        return good and hashed is not None, better

    @asynccontextmanager
    async def _turn(self, line: str) -> AsyncGenerator[None]:
        lock = self._lines.setdefault(line, asyncio.Lock()) if line else asyncio.Lock()
        async with lock, self._hashing:
            yield
