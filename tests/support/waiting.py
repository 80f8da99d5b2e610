"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

from tests.support.slowness import slowness

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STEP = 0.05


async def eventually(
    condition: Callable[[], Any | Awaitable[Any]], *, timeout: float = 10.0, what: str = "the condition"
) -> Any:
    """Return the first truthy value of ``condition``; AssertionError when the time is over.

    The time is longer by as much as everything takes longer here: only what fails waits for it.
    """
    began = time.monotonic()
    deadline = began + timeout
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() >= deadline:
            deadline = max(deadline, began + timeout * slowness())
            assert time.monotonic() < deadline, (
                f"{what} did not come true within {timeout} s (last: {found!r})"
            )
        await asyncio.sleep(STEP)
