"""Whether each system works: asked all at once, in bounded time, and remembered for some seconds."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zpack.control.engine.errors import ForeignError, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

KEPT_SECONDS = 10.0
WORDS_MAX = 200


class Health:
    """The systems by name; one whose check is None is not configured."""

    def __init__(
        self,
        *,
        checks: Mapping[str, Callable[[], Awaitable[Any]] | None],
        seconds: float,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._checks = checks
        self._seconds = seconds
        self._kept_seconds = kept_seconds
        self._kept: dict[str, Any] | None = None
        self._until = 0.0
        self._turn = asyncio.Lock()

    async def systems(self) -> dict[str, Any]:
        """Return how each system is; of many who ask at once, one looks."""
        async with self._turn:
            if self._kept is None or time.monotonic() >= self._until:
                found = await asyncio.gather(*(self._looked(*each) for each in self._checks.items()))
                self._kept = {"systems": found}
                self._until = time.monotonic() + self._kept_seconds
            return self._kept

    async def _looked(self, name: str, check: Callable[[], Awaitable[Any]] | None) -> dict[str, Any]:
        began = time.monotonic()
        status, detail = "not_configured", None
        if check is not None:
            detail = await self._complaint(check)
            status = "up" if detail is None else "down"
        return {
            "name": name,
            "status": status,
            "detail": detail,
            "latencyMs": round((time.monotonic() - began) * 1000) if check is not None else None,
            "checkedAt": datetime.now(UTC).isoformat(),
        }

    async def _complaint(self, check: Callable[[], Awaitable[Any]]) -> str | None:
        """Return what is wrong; of a failure that is not ours only its kind, for it may name a password."""
        try:
            async with asyncio.timeout(self._seconds):
                await check()
        except TimeoutError:
            return f"did not answer within {self._seconds:g} s"
        except (ForeignError, Refusal) as failure:
            return failure.message[:WORDS_MAX]
        except Exception as failure:  # noqa: BLE001 - whatever is wrong is what we were asked for
            return type(failure).__name__
        return None
