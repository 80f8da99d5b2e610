"""Two guests on a bridge; run by test_lxc_bridge.py in a network namespace; prints what it saw."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.localpve.lxc_world import lxc_world

SERVE = """
listener = socket.create_server(('0.0.0.0', 25565))
addresses = subprocess.run(['ip', '-4', '-o', 'addr'], capture_output=True, text=True).stdout
change = subprocess.run(['ip', 'addr', 'add', '10.99.0.1/24', 'dev', 'eth0'], capture_output=True).returncode
tell([addresses, change])
while True: listener.accept()[0].sendall(b'hello')
"""
NEIGHBOUR = """
try: socket.create_connection(('IP', 25565), timeout=1.5); tell('reached')
except OSError: tell('refused')
"""


async def rehearse(home: Path) -> dict[str, object]:
    """Return the facts that the test judges."""
    facts: dict[str, object] = {}
    async with lxc_world(home, network="bridge") as world:
        one = await world.run(SERVE, vmid=5001)
        ip = await world.backend.address(one)
        facts["said"], facts["ip"] = await world.said(one), ip
        reader, writer = await asyncio.open_connection(ip, 25565)
        facts["heard"] = (await reader.read(5)).decode()
        writer.close()
        two = await world.run(NEIGHBOUR.replace("IP", ip), vmid=5002)
        facts["neighbour"] = await world.said(two)
        facts["netin"] = (await world.backend.usage(one)).netin
        facts["during"] = _interfaces()
        await world.backend.destroy(one)
    facts["after"] = _interfaces()
    facts["left"] = world.left()
    return facts


def _interfaces() -> list[str]:
    text = subprocess.run(["ip", "-j", "link"], check=True, capture_output=True, text=True).stdout
    return sorted(row["ifname"] for row in json.loads(text) if row["ifname"].startswith("z"))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(rehearse(Path(sys.argv[1])))))
