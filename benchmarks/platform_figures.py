"""How fast the platform starts and creates, and what it weighs, each beside its yardstick, in one run.

The create's yardstick is the same clone, start and boot done by hand: copy the template's folder, run the
same agent in it, hand it the same payload, wait for the same ping.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import aiohttp
import psutil
from tests.support.http import Caller
from tests.support.platform import Platform

from zpack.allinone.template import tool_folder
from zpack.wire.agent import AGENT_PORT

GAME = {"game": "minecraft", "variant": "flying-squid", "version": "1.21.4", "memoryMiB": 512, "cpuCores": 1}
RUNS = 5
SERVERS = 20
HAND_IP = "127.91.0.1"


async def ready(url: str) -> None:
    """Return at the first 200 of /api/ready."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/api/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)


async def created(caller: Caller) -> tuple[float, int]:
    """Create one server; return the seconds from POST to ready, and its VMID."""
    began = time.monotonic()
    reply = await caller.post("/api/instances?wait=120", GAME)
    assert reply.status == 200, reply
    return time.monotonic() - began, reply.body["vmid"]


async def by_hand(artifacts: str, folder: Path) -> float:
    """Copy, start, configure and wait without the platform; return the seconds."""
    began = time.monotonic()
    root = folder / "root"
    root.mkdir(parents=True)
    environment = {
        **os.environ,
        "ZLH_AGENT_HOST": HAND_IP,
        "ZLH_AGENT_PORT": str(AGENT_PORT),
        "ZLH_AGENT_HOME": str(root / "opt/zlh-agent"),
        "ZLH_RUNTIME_ROOT": str(root / "opt/zlh"),
        "ARTIFACT_BASE_URL": artifacts,
    }
    if folder_of_node := tool_folder("node"):
        environment["ZPACK_NODE_DIR"] = str(folder_of_node)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zpack.agent", env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()
    payload: dict[str, Any] = {
        "vmid": 5900, "container_type": "game", "game": "minecraft", "variant": "flying-squid", "version": "1.21.4",
        "world": "world", "ports": [25565], "java_path": "", "memory_mb": 512,
        "artifact_path": "minecraft/flying-squid/1.21.4/server.tar.gz",
    }  # fmt: skip
    async with aiohttp.ClientSession() as session:
        base = f"http://{HAND_IP}:{AGENT_PORT}"
        async with session.post(f"{base}/config", json=payload) as answer:
            assert answer.status == 202
        while True:
            async with session.get(f"{base}/ready") as answer:
                if answer.status == 200:
                    break
            await asyncio.sleep(0.05)
    seconds = time.monotonic() - began
    process.terminate()
    await process.wait()
    return seconds


async def removed(caller: Caller, vmid: int) -> None:
    """Stop and delete a server, so that each run meets the same machine."""
    operation = (await caller.post(f"/api/servers/{vmid}/host/stop")).body["operation"]["id"]
    while (await caller.get(f"/api/operations/{operation}")).body["operation"]["status"] == "running":
        await asyncio.sleep(0.05)
    await caller.call("DELETE", f"/api/containers/{vmid}")


async def start_and_create(place: Path) -> None:
    """Print the seconds of a warm start and of a create."""
    platform = Platform(place / "up", subnet="127.91.0.0/16")
    await platform.start()
    await platform.stop()
    began = time.monotonic()
    starting = asyncio.create_task(platform.start())
    await starting
    await ready(platform.api)
    print(f"start, installed, to first 200 of /api/ready: {time.monotonic() - began:.2f} s")
    artifacts = next(
        f"http://127.0.0.1:{connection.laddr.port}"
        for connection in psutil.Process(platform.pid("artifacts")).net_connections()
        if connection.status == "LISTEN"
    )
    async with Caller(platform.api) as anyone, await anyone.registered("bench") as caller:
        ours: list[float] = []
        hand: list[float] = []
        for number in range(RUNS):
            seconds, vmid = await created(caller)
            ours.append(seconds)
            await removed(caller, vmid)
            hand.append(await by_hand(artifacts, place / f"hand{number}"))
        first, second = statistics.median(ours), statistics.median(hand)
        print(
            f"POST to ready: {first:.2f} s; by hand: {second:.2f} s; ratio {first / second:.2f}  ({RUNS} runs, median)"
        )
        _, vmid = await created(caller)
        agent = next(
            p
            for p in psutil.process_iter()
            if "zpack.agent" in p.cmdline() and str(place) in str(p.environ())
        )
        print(f"memory of one agent with its game running: {agent.memory_info().rss / 1e6:.0f} MB")
    await platform.stop()


async def memory(place: Path) -> None:
    """Print the resident memory of control with twenty servers."""
    platform = Platform(place / "sim", subnet="127.92.0.0/16", isolation="sim")
    await platform.start()
    control = psutil.Process(platform.pid("control"))
    print(f"memory of control, no server: {control.memory_info().rss / 1e6:.0f} MB")
    async with Caller(platform.api) as anyone, await anyone.registered("bench") as caller:
        await asyncio.gather(*(created(caller) for _ in range(SERVERS)))
        print(f"memory of control, {SERVERS} servers: {control.memory_info().rss / 1e6:.0f} MB (goal 150)")
    await platform.stop()


async def main() -> None:
    """Run both in a folder that is removed afterwards."""
    place = Path(tempfile.mkdtemp(prefix="zpack-bench-"))
    place.chmod(0o711)
    try:
        await start_and_create(place)
        await memory(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


asyncio.run(main())
