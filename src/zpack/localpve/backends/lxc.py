"""placeholder until the LXC backend lands."""

from __future__ import annotations

from typing import Any


async def probe() -> str | None:
    return "not built"


def LxcBackend(**_: Any) -> Any: ...
