"""What a container may not do or see, asked from inside of it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.localpve.lxc_world import World, lxc_world
from tests.support.waiting import eventually
from zpack.localpve.backends.base import BackendError
from zpack.localpve.backends.lxc_rootfs import view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.lxc
GREEDY = """
child = subprocess.run([sys.executable, '-c', 'x = bytearray(400 << 20)'])
tell(child.returncode)
"""
MANY = """
count = 0
try:
    while count < 500:
        if os.fork() == 0:
            time.sleep(60); os._exit(0)
        count += 1
except OSError as failure: tell([count, errno.errorcode[failure.errno]])
else: tell([count, 'no limit'])
"""
BUSY = """
subprocess.Popen([sys.executable, '-c', 'while True: pass'])
subprocess.Popen([sys.executable, '-c', 'while True: pass'])
tell(1)
"""
PRIVILEGES = (
    "tell(dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l))"
)
FORBIDDEN = """
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    if getattr(libc, name)(*args) < 0: raise OSError(ctypes.get_errno(), name)
tell({
    'mount': attempt(lambda: call('mount', b'none', b'/opt', b'tmpfs', 0, None)),
    'writable': attempt(lambda: call('mount', None, b'/usr', None, 32 | 4096, None)),
    'unmount': attempt(lambda: call('umount2', b'/usr', 2)),
    'usr': attempt(lambda: open('/usr/x', 'w')),
    'device': attempt(lambda: os.mknod('/opt/sda', 0o60600, os.makedev(254, 0))),
    'sysctl': attempt(lambda: open('/proc/sys/kernel/hostname', 'w').write('x')),
    'trigger': attempt(lambda: open('/proc/sysrq-trigger', 'w').write('h')),
    'raw': attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    'reboot': attempt(lambda: call('reboot', 0x1234567)),
})
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with lxc_world(tmp_path) as world:
        yield world


async def test_memory_ends_at_the_limit(world: World) -> None:
    assert await world.ask(GREEDY, memory=128) == -9


async def test_swap_is_no_way_around(world: World) -> None:
    guest = await world.run(GREEDY, memory=128, swap=0)
    assert await world.said(guest) == -9
    assert await world.backend.running(guest)


async def test_processes_are_counted(world: World) -> None:
    count, why = await world.ask(MANY, pids=40)
    assert why == "EAGAIN"
    assert 20 < count < 40


async def test_processor_time_is_shared_out(world: World) -> None:
    guest = await world.run(BUSY, cores=1)
    await world.said(guest)
    group = world.group(guest)
    begun, clock = group.cpu_seconds(), os.times().elapsed
    await eventually(lambda: os.times().elapsed - clock > 2)
    used = (group.cpu_seconds() - begun) / (os.times().elapsed - clock)
    assert used < 1.15  # two busy processes, one core


async def test_root_inside_is_nobody_outside(world: World) -> None:
    one, two = [await world.run("tell(os.getuid())", vmid=vmid) for vmid in (5001, 5002)]
    outside = set()
    for guest in (one, two):
        assert await world.said(guest) == 0
        pid = (await world.backend.usage(guest)).pid
        outside.add(Path(f"/proc/{pid}").stat().st_uid)
        assert Path(f"/proc/{pid}/uid_map").read_text().split()[2] == "65536"
        assert (world.upper(guest) / "opt/said").stat().st_uid >= 1_000_000
    assert len(outside) == 2
    assert min(outside) >= 1_000_000


async def test_privileges_are_given_up(world: World) -> None:
    status = await world.ask(PRIVILEGES)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert int(status["CapBnd"], 16) & 1 << 21 == 0  # CAP_SYS_ADMIN
    assert int(status["CapBnd"], 16) & 1 << 12 == 0  # CAP_NET_ADMIN


async def test_the_host_cannot_be_touched(world: World) -> None:
    answers = await world.ask(FORBIDDEN)
    assert answers.pop("trigger") in {"EACCES", "ENOENT"}  # ENOENT: a kernel without it
    assert set(answers.values()) <= {"EPERM", "EACCES", "EROFS"}, answers


async def test_only_what_the_template_shows_is_there(world: World) -> None:
    (world.home / "secrets.json").write_text("secret")
    secrets = ["/etc/shadow", "/root/.ssh", "/root/.gitconfig", "/work", "/var/lib/dpkg", str(world.home)]
    code = f"tell([os.listdir('/'), [p for p in {secrets!r} if os.path.exists(p)], os.listdir('/sys')])"
    top, seen, system = await world.ask(code)
    shown_parents = {Path(path).parts[1] for path in (os.path.realpath(sys.executable), sys.prefix)}
    assert set(seen) <= {"/" + name for name in shown_parents}
    assert set(top) <= shown_parents | {
        *("bin", "lib", "lib64", "usr", "dev", "etc", "home", "opt", "proc"),
        *("root", "run", "srv", "sys", "tmp", "var"),
    }
    assert system == []


async def test_the_root_of_python_is_shown_but_not_its_neighbours(world: World) -> None:
    base = str(Path(os.path.realpath(sys.executable)).parent.parent)
    code = f"tell([os.path.exists({base!r} + '/bin'), os.listdir('/root')])"
    there, listed = await world.ask(code)
    assert there
    assert set(listed) <= {Path(base).parts[2] if base.startswith("/root/") else ""}


async def test_other_processes_are_not_seen(world: World) -> None:
    assert await world.ask("tell([int(n) for n in os.listdir('/proc') if n.isdigit()])") == [1]


async def test_links_planted_by_a_guest_do_not_lead_outside(world: World, tmp_path: Path) -> None:
    target = tmp_path / "host"
    target.mkdir()
    first = Path(sys.prefix).parts[1]
    code = f"os.rename('/{first}', '/gone'); os.symlink({str(target)!r}, '/{first}'); tell(1)"
    guest = await world.run(code)
    await world.said(guest)
    await world.backend.stop(guest)
    (world.upper(guest) / "opt/said").unlink()
    with contextlib.suppress(BackendError):  # its own fault; what counts is below
        await world.backend.start(guest)
    assert list(target.iterdir()) == []
    assert str(target) not in Path("/proc/self/mounts").read_text()


async def test_a_word_with_a_line_break_cannot_become_a_setting(world: World) -> None:
    guest = world.guest("")
    object.__setattr__(guest.template, "env", {"A": "b\nlxc.cap.keep = sys_admin"})
    await world.backend.clone(guest)
    with pytest.raises(BackendError, match="line break"):
        await world.backend.start(guest)


@pytest.mark.parametrize("path", ["/", "/etc", "{home}", "{home}/.."])
def test_secrets_may_not_be_shown(path: str, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="secrets lie below"):
        view((path.format(home=tmp_path),), home=tmp_path)


def test_links_on_the_way_are_shown_too(tmp_path: Path) -> None:
    (tmp_path / "real/bin").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    shown = view((f"{tmp_path}/link/bin",), home=Path("/nowhere"))
    assert shown.mounts == [f"{tmp_path}/real/bin"]
    assert shown.links == {f"{tmp_path}/link": "real"}


def test_a_python_environment_brings_its_python(tmp_path: Path) -> None:
    (tmp_path / "python/bin").mkdir(parents=True)
    (tmp_path / "python/bin/python3").touch()
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "venv/bin/python").symlink_to(tmp_path / "python/bin/python3")
    shown = view((str(tmp_path / "venv"),), home=Path("/nowhere"))
    assert shown.mounts == [str(tmp_path / "python"), str(tmp_path / "venv")]
