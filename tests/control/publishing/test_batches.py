"""Changes that go together: one frame around all, and each with its own end."""

from __future__ import annotations

import asyncio

import pytest

from zpack.control.engine.errors import ForeignError
from zpack.control.publishing.batches import MOST, Batches, Evidence


class Frame:
    """Remembers what was done around the batches."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.going: asyncio.Event = asyncio.Event()
        self.refuse = False

    async def begin(self) -> str | None:
        self.said.append("begin")
        await self.going.wait()
        return "mark"

    async def commit(self, mark: str | None) -> None:
        if self.refuse:
            raise ForeignError("no apply", transient=True)
        self.said.append(f"commit {mark}")

    async def abort(self, mark: str | None) -> None:
        self.said.append(f"abort {mark}")


async def well() -> Evidence | None:
    return {"ok": True}


async def ill() -> Evidence | None:
    raise ForeignError("its own", transient=False)


async def nothing() -> Evidence | None:
    return None


async def all_of(batches: Batches, frame: Frame, *works: object) -> list[object]:
    tasks = [asyncio.create_task(batches.run(work)) for work in works]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    frame.going.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def frame() -> Frame:
    return Frame()


async def test_many_cost_few(frame: Frame) -> None:
    found = await all_of(Batches(frame), frame, *[well] * (2 * MOST))
    assert found == [{"ok": True}] * (2 * MOST)
    assert frame.said == ["begin", "commit mark"] * 2


async def test_one_that_fails_keeps_no_other_back(frame: Frame) -> None:
    good, bad, other = await all_of(Batches(frame), frame, well, ill, well)
    assert (good, other, str(bad)) == ({"ok": True}, {"ok": True}, "its own")
    assert frame.said == ["begin", "commit mark"]


async def test_when_all_fail_it_goes_back(frame: Frame) -> None:
    await all_of(Batches(frame), frame, ill)
    assert frame.said == ["begin", "abort mark"]


async def test_nothing_to_change_is_not_applied(frame: Frame) -> None:
    assert await all_of(Batches(frame), frame, nothing) == [{}]
    assert frame.said == ["begin"]


async def test_a_batch_that_is_not_applied_fails_all(frame: Frame) -> None:
    frame.refuse = True
    found = await all_of(Batches(frame), frame, well, well)
    assert [str(one) for one in found] == ["no apply", "no apply"]
    assert frame.said == ["begin", "abort mark"]


async def test_one_that_is_given_up_takes_nobody_with_it_for_ever(frame: Frame) -> None:
    batches = Batches(frame)
    first, second = (asyncio.create_task(batches.run(well)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    frame.going.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == {"ok": True}
    assert frame.said[-1] == "commit mark"


async def test_a_batch_that_is_interrupted_fails_all_and_goes_back(frame: Frame) -> None:
    batches, begun = Batches(frame), asyncio.Event()

    async def slow() -> Evidence | None:
        begun.set()
        return await asyncio.Future()

    first = asyncio.create_task(batches.run(slow))
    second = asyncio.create_task(batches.run(well))
    await asyncio.sleep(0)
    frame.going.set()
    await begun.wait()
    first.cancel()
    with pytest.raises(ForeignError, match="interrupted"):
        await second
    assert (first.cancelled(), frame.said) == (True, ["begin", "abort mark"])
