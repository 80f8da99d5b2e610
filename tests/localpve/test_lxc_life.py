"""A container's life with the lxc backend: clone, start, stop, crash, adoption, destruction."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.localpve.lxc_world import NOTHING, World, lxc_world
from tests.support.slowness import slowness
from tests.support.waiting import eventually
from zpack.localpve.backends.base import BackendError
from zpack.localpve.backends.lxc import probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.lxc


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with lxc_world(tmp_path) as world:
        yield world


async def test_this_machine_can_run_it() -> None:
    assert await probe() is None


async def test_starts_quickly(world: World) -> None:
    took = []
    for vmid in (5001, 5002, 5003):
        begun = time.monotonic()
        await world.run("tell('up')", vmid=vmid)
        took.append(round(time.monotonic() - begun, 3))
    print("clone and start:", took)  # noqa: T201 - a figure to read with -s
    assert min(took) < 0.3 * slowness()


async def test_the_first_process_is_told_to_end(world: World) -> None:
    guest = await world.run(
        "signal.signal(signal.SIGTERM, lambda *_: (tell('bye'), sys.exit(0))); tell('up')"
    )
    assert await world.said(guest) == "up"
    await world.backend.shutdown(guest, timeout=10)
    assert not await world.backend.running(guest)
    assert await world.said(guest) == "bye"


async def test_last_words_reach_the_console(world: World) -> None:
    words = "lambda *_: (print('goodbye', flush=True), sys.exit(0))"
    guest = await world.run(f"signal.signal(signal.SIGTERM, {words}); tell('up')")
    await world.said(guest)
    await world.backend.shutdown(guest, timeout=10)
    assert "goodbye" in world.console(guest)


async def test_one_that_does_not_listen_is_reported_then_killed(world: World) -> None:
    guest = await world.run("signal.signal(signal.SIGTERM, signal.SIG_IGN); tell('up')")
    assert await world.said(guest) == "up"
    with pytest.raises(BackendError, match="did not end within"):
        await world.backend.shutdown(guest, timeout=0.3)
    assert await world.backend.running(guest)
    await world.backend.stop(guest)
    assert not await world.backend.running(guest)


async def test_stop_ends_children_that_hide(world: World) -> None:
    guest = await world.run("subprocess.Popen(['setsid', 'sleep', '1000']); tell('up')")
    await world.said(guest)
    assert len(world.group(guest).processes()) >= 2
    await world.backend.stop(guest)
    assert world.group(guest).processes() == set()


async def test_a_restart_keeps_files(world: World) -> None:
    code = "n = os.path.exists('/root/kept'); open('/root/kept', 'w').close(); tell(n)"
    guest = await world.run(code)
    assert await world.said(guest) is False
    await world.backend.stop(guest)
    (world.upper(guest) / "opt/said").unlink()
    await world.backend.start(guest)
    assert await world.said(guest) is True


async def test_the_template_stays_as_it_was(world: World) -> None:
    guest = await world.run("open('/etc/passwd', 'a').write('x'); os.unlink('/etc/nsswitch.conf'); tell(1)")
    await world.said(guest)
    etc = world.template.rootfs / "etc"
    assert (etc / "nsswitch.conf").exists()
    assert "x\n" not in (etc / "passwd").read_text().splitlines()[-1]
    assert (etc / "passwd").stat().st_uid == 0


async def test_a_second_start_changes_nothing(world: World) -> None:
    guest = await world.run("tell(1)")
    first = (await world.backend.usage(guest)).pid
    await world.backend.start(guest)
    assert (await world.backend.usage(guest)).pid == first


async def test_destroy_leaves_nothing(world: World) -> None:
    guest = await world.run("tell(1)")
    await world.said(guest)
    assert world.left()["mounts"]
    await world.backend.destroy(guest)
    await world.backend.destroy(guest)
    assert not (world.home / "guests/5001").exists()
    await world.backend.close()
    assert world.left() == NOTHING


async def test_close_leaves_nothing(world: World) -> None:
    await asyncio.gather(*(world.run("tell(1)", vmid=vmid) for vmid in (5001, 5002, 5003)))
    await world.backend.close()
    assert world.left() == NOTHING


async def test_no_mount_is_made_on_the_host(world: World) -> None:
    await world.run("tell(1)")
    assert str(world.home) not in Path("/proc/self/mounts").read_text()


async def test_many_at_once(world: World) -> None:
    vmids = range(5001, 5017)
    guests = await asyncio.gather(*(world.run("tell(1)", vmid=vmid) for vmid in vmids))
    assert [await world.said(guest) for guest in guests] == [1] * 16
    await asyncio.gather(*(world.backend.destroy(guest) for guest in guests))
    await world.backend.close()
    assert world.left() == NOTHING


async def test_a_killed_monitor_is_no_hindrance(world: World) -> None:
    guest = await world.run("tell(1)")
    await world.said(guest)
    for pid in world.group(guest, ".monitor").processes():
        os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not world.group(guest, ".monitor").processes())
    await world.backend.destroy(guest)
    await world.backend.close()
    assert world.left() == NOTHING


async def test_a_new_localpve_adopts_what_runs(world: World) -> None:
    guest = await world.run("tell(1)")
    heir = World(world.home)
    assert await heir.backend.running(guest)
    assert (await heir.backend.usage(guest)).pid == (await world.backend.usage(guest)).pid
    await heir.backend.destroy(guest)
    assert not await world.backend.running(guest)


async def test_an_end_by_itself_is_seen(world: World) -> None:
    guest = await world.run("signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3)); tell(1)")
    await world.said(guest)
    os.kill((await world.backend.usage(guest)).pid, signal.SIGUSR1)

    async def gone() -> bool:
        return not await world.backend.running(guest)

    await eventually(gone)
    await world.backend.start(guest)
    assert await world.backend.running(guest)


async def test_a_program_that_is_not_there_is_said(world: World) -> None:
    guest = world.guest("")
    object.__setattr__(guest.template, "init", ("/no/such/program",))
    await world.backend.clone(guest)
    with pytest.raises(BackendError, match="did not start"):
        await world.backend.start(guest)
    assert world.group(guest).folders() == []


async def test_the_console_is_kept_within_bounds(world: World) -> None:
    guest = await world.run("print('first', flush=True)\nfor _ in range(80000): print('x' * 78)\ntell(1)")
    await world.said(guest)
    kept = list((world.home / "guests/5001").glob("console.log*"))
    assert 0 < sum(path.stat().st_size for path in kept) < 5 << 20


async def test_two_guests_have_one_port(world: World) -> None:
    code = "ip = open('/etc/hosts').read().split()[2]\n"
    code += "listener = socket.create_server((ip, 25565)); tell(ip)"
    one, two = [await world.run(code, vmid=vmid) for vmid in (5001, 5002)]
    for guest in (one, two):
        assert await world.said(guest) == guest.ip == await world.backend.address(guest)
        _, writer = await asyncio.open_connection(guest.ip, 25565)
        writer.close()
        await writer.wait_closed()


async def test_usage_comes_from_the_kernel(world: World) -> None:
    guest = await world.run("held = bytearray(50 << 20); tell(1)\nwhile True: pass", cores=1)
    await world.said(guest)
    await asyncio.sleep(1.1)
    usage = await world.backend.usage(guest)
    assert 50 << 20 < usage.mem < 120 << 20
    assert 0.05 < usage.cpu <= 1
    assert usage.uptime >= 1
    assert usage.pid > 0
