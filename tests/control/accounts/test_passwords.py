"""Hashing takes turns, and nobody waits for a stranger's flood."""

from __future__ import annotations

import asyncio

from zpack.control.accounts.passwords import Passwords


async def test_a_flood_from_one_network_leaves_a_place_to_the_others() -> None:
    passwords, done = Passwords(), list[str]()

    async def guess(line: str) -> None:
        assert await passwords.verified("a guess", None, line=line) == (False, None)
        done.append(line)

    await asyncio.gather(*(guess("flood") for _ in range(6)), guess("owner"))
    assert done.index("owner") <= 2
    assert len(done) == 7


async def test_without_a_stored_password_none_is_right() -> None:
    assert await Passwords().verified("", None) == (False, None)
