"""``python -m benchmarks.support.agents FIRST COUNT``: scripted agents, ready, one loopback address each."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import uvloop
from benchmarks.support.ground import address

from zpack.lifetime import allow_many_connections, follow_parent, say_ready
from zpack.localpve.backends.sim_agent import SimAgent
from zpack.localpve.backends.sim_script import Script

PAYLOAD = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4"}


async def serve(first: int, count: int) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    script = Script.parse({})
    for number in range(first, first + count):
        await SimAgent(ip=address(number), script=script, payload=PAYLOAD).start()
    say_ready(json.dumps({"first": first, "count": count}))
    await stop.wait()


if __name__ == "__main__":
    follow_parent()
    allow_many_connections()
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
