"""What publishing and unpublishing 500 servers costs each DNS system: calls and seconds, beside its limit.

Servers come as the reconciler brings them, some dozens at once. Cloudflare and Technitium are simulated on
loopback, so the seconds are our own; the calls are what the real ones would count. ``knotd`` is real.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.control.publishing.names import sides
from tests.support.dns import running

if TYPE_CHECKING:
    from collections.abc import Callable

SERVERS, OTHERS, AT_ONCE = 500, 2000, 80
LIMITS = {
    "cloudflare": "limit: 1,200 calls in 5 minutes; we stop at 1,000",
    "technitium": "no limit of its own",
    "rfc2136": "no limit of its own; real knotd",
}


async def all_of(deed: Callable[[Any], Any]) -> float:
    """Do something with every server, so many at once; return the seconds."""
    gate, began = asyncio.Semaphore(AT_ONCE), time.monotonic()

    async def one(vmid: int) -> None:
        async with gate:
            await deed(sides.place(vmid))

    await asyncio.gather(*(one(5000 + n) for n in range(SERVERS)))
    return time.monotonic() - began


def calls_of(side: sides.Side) -> int:
    return side.middle.messages if isinstance(side, sides.DnsSide) else len(side.end.calls.made)


async def measure(name: str, side: sides.Side) -> None:
    """Print one system's line."""
    for n in range(OTHERS if name != "rfc2136" else 0):
        side.plant(f"other-{n}.example.org", "A", "198.51.100.7")
    link, strangers = side.link(), len(side.rows())
    before = calls_of(side)
    seconds = await all_of(link.put)
    there = calls_of(side)
    assert len(side.rows()) == strangers + 3 * SERVERS
    back_seconds = await all_of(link.drop)
    assert len(side.rows()) == strangers
    print(
        f"{name:<11} publish {there - before:>5} calls {seconds:6.2f} s   "
        f"unpublish {calls_of(side) - there:>5} calls {back_seconds:6.2f} s   ({LIMITS[name]})"
    )


async def main() -> None:
    print(
        f"{SERVERS} Minecraft servers (A, AAAA, SRV), {AT_ONCE} at once, {OTHERS} strangers' records in the zone"
    )
    async with sides.cloudflare() as side:
        await measure("cloudflare", side)
    async with sides.technitium() as side:
        await measure("technitium", side)
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        server = stack.enter_context(running("knotd", Path(home)))
        async with sides.rfc2136(server) as side:
            await measure("rfc2136", side)
    print(f"yardstick: one call for each record would be {3 * SERVERS} calls each way at Cloudflare")


if __name__ == "__main__":
    asyncio.run(main())
