"""The supervisor with small programs: start, restart, give up, stop."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from tests.allinone.conftest import READY
from tests.support.platform import alive
from tests.support.waiting import eventually

from zpack.allinone import child as module
from zpack.allinone.child import Child, ChildFailed

if TYPE_CHECKING:
    from collections.abc import Callable

STAYS = READY + "import time; time.sleep(60)"


async def test_a_program_is_started_once_it_says_so(make_child: Callable[[str], Child]) -> None:
    child = make_child(STAYS)
    await child.start()
    assert child.announced["program"] == "p"
    assert child.pid is not None
    await child.stop()


async def test_a_stopped_program_is_gone(make_child: Callable[[str], Child]) -> None:
    child = make_child(STAYS)
    await child.start()
    pid = child.pid
    await child.stop()
    assert pid is not None
    assert not alive(pid)
    assert child.pid is None


async def test_a_program_that_ends_early_shows_its_last_words(make_child: Callable[[str], Child]) -> None:
    child = make_child("import sys; sys.exit('no disk left')")
    with pytest.raises(ChildFailed, match=r"(?s)ended with 1 before.*no disk left"):
        await child.start()


async def test_a_killed_program_comes_back(make_child: Callable[[str], Child]) -> None:
    child = make_child(STAYS)
    await child.start()
    watching = asyncio.create_task(child.watch())
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: child.pid not in {None, first}, what="another process")
    await child.stop()
    await watching


async def test_a_crash_loop_is_given_up(
    make_child: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0,))
    child = make_child(READY + "import sys; sys.exit('broken')")
    await child.start()
    with pytest.raises(ChildFailed, match=r"(?s)died 6 times.*broken"):
        await asyncio.wait_for(child.watch(), 30)


async def test_restarts_that_hang_are_given_up_aloud(
    make_child: Callable[[str], Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = make_child(STAYS)
    await child.start()
    monkeypatch.setattr(module, "PAUSES", (0.0,))
    monkeypatch.setattr(module, "READY_SECONDS", 0.0)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildFailed, match="died 6 times"):
        await asyncio.wait_for(child.watch(), 30)
    assert child.pid is None
