"""The comparison that does not keep people waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from zpack.control.publishing.looking import Looking


class Slow:
    """Looks until it may end."""

    def __init__(self) -> None:
        self.looks = 0
        self.may_end = asyncio.Event()

    async def look(self) -> dict[str, Any]:
        self.looks += 1
        number = self.looks
        await self.may_end.wait()
        return {"look": number}


async def test_who_does_not_wait_gets_it_the_next_time() -> None:
    slow = Slow()
    looking = Looking(slow.look)
    assert await looking.within(0) is None
    assert await looking.within(0.01) is None
    slow.may_end.set()
    assert await asyncio.gather(looking.within(5), looking.within(5)) == [{"look": 1}] * 2
    assert await looking.within(5) == {"look": 2}


async def test_what_was_found_before_a_change_is_given_up() -> None:
    slow = Slow()
    looking = Looking(slow.look)
    assert await looking.within(0) is None
    slow.may_end.set()
    looking.forget()
    assert await looking.within(5) == {"look": 2}
