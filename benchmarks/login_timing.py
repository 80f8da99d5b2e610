"""Whether the time of an answer tells if an account exists, and whether guessing locks out anybody else.

Each door is asked with a known and an unknown name in random order, from ever new addresses. The yardstick
is the known name asked a second time: what two samples of the same request differ by is noise. Then 10,000
wrong logins from one address, while the owner logs in from another.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import aiohttp
from benchmarks.support.ground import ended, ground, program, ready_line
from tests.support.http import PASSWORD
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNTS, SAMPLES, WRONG, AT_ONCE = 20, 50, 10_000, 20
Body = dict[str, str]


class Door:
    """The API, asked from a new address each time."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._addresses: Iterator[int] = itertools.count(1)

    async def ask(self, path: str, body: Body, address: str | None = None) -> tuple[float, int]:
        """Return the seconds until the answer, and its status."""
        number = next(self._addresses)
        headers = {
            "X-Forwarded-For": address or f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        }
        began = time.perf_counter()
        async with self._session.post(f"/api/auth/{path}", json=body, headers=headers) as answer:
            await answer.read()
            return time.perf_counter() - began, answer.status


def login(*, known: bool) -> Body:
    name = f"user{random.randrange(ACCOUNTS)}" if known else f"nobody{random.getrandbits(40):x}"
    return {"identifier": name, "password": "a wrong one"}


def register(*, known: bool) -> Body:
    name = f"user{random.randrange(ACCOUNTS)}" if known else f"new{random.getrandbits(40):x}"
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD}


def reset(*, known: bool) -> Body:
    return {"email": register(known=known)["email"]}


def likeness(one: list[float], other: list[float]) -> float:
    """Return the probability that two samples of one distribution differ so much (Mann-Whitney)."""
    ranked = sorted([(x, 0) for x in one] + [(x, 1) for x in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    n, m = len(one), len(other)
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(ranks - n * (n + m + 1) / 2) / deviation / math.sqrt(2))


async def compare(door: Door, path: str, make: Callable[..., Body], samples: int) -> str:
    """Return what tells a known name from an unknown one, beside what tells it from itself."""
    times: dict[str, list[float]] = {"known": [], "again": [], "unknown": []}
    for _ in range(samples):
        for kind in random.sample(list(times), 3):
            seconds, status = await door.ask(path, make(known=kind != "unknown"))
            assert status in {200, 201, 401, 409}, (path, status)
            times[kind].append(seconds)
    middle = {kind: statistics.median(each) * 1e3 for kind, each in times.items()}
    return (
        f"{path:24} known {middle['known']:6.1f} ms; unknown differs by {middle['unknown'] - middle['known']:+5.2f} ms"
        f" (p {likeness(times['known'], times['unknown']):.2f}), itself by {middle['again'] - middle['known']:+5.2f} ms"
        f" (p {likeness(times['known'], times['again']):.2f})"
    )


async def flood(door: Door, count: int) -> str:
    """Guess from one address; return what an owner elsewhere notices."""
    statuses: list[int] = []
    left = iter(range(count))

    async def guess() -> None:
        for number in left:
            body = {"identifier": f"user{number % ACCOUNTS}", "password": "a wrong one"}
            statuses.append((await door.ask("login", body, "192.0.2.66"))[1])

    began = time.perf_counter()
    good = {"identifier": "user0", "password": PASSWORD}
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(guess())
        meanwhile = [await door.ask("login", good) for _ in range(5)]
    seconds = time.perf_counter() - began
    after, status = await door.ask("login", good)
    assert {each for _, each in meanwhile} | {status} == {200}, meanwhile
    return (
        f"{count:,} wrong logins from one address in {seconds:.0f} s, {statuses.count(401)} of them looked at; the owner"
        f" meanwhile {max(t for t, _ in meanwhile) * 1e3:.0f} ms at most, afterwards {after * 1e3:.0f} ms"
    )


async def measure(base: str, samples: int) -> None:
    """Print all of it."""
    async with aiohttp.ClientSession(base) as session:
        door = Door(session)
        for number in range(ACCOUNTS):
            name = f"user{number}"
            body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
            assert (await door.ask("register", body))[1] == 201
        for path, make in (("login", login), ("register", register), ("password-reset/request", reset)):
            print(await compare(door, path, make, samples))
        print(await flood(door, WRONG))


def main() -> None:
    """Start everything, measure, end everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    samples: Any = parser.parse_args().samples
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with ground(Path(folder)) as where:
            settings = where.environment | {"PORT": str(port), "ZPACK_TRUSTED_PROXIES": "127.0.0.1"}
            control = program("zpack.control", "serve", "--embedded", environment=settings)
            try:
                ready_line(control)
                asyncio.run(measure(f"http://127.0.0.1:{port}", samples))
            finally:
                ended(control)


if __name__ == "__main__":
    main()
