"""The process backend leaves nothing behind, whatever a guest does to hide."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.localpve.conftest import NET, write_template
from tests.support.waiting import eventually
from zpack.localpve.backends.base import Guest, Template
from zpack.localpve.backends.process import LOG_LIMIT, PROCESSES, ProcessBackend, quota

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HIDER = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon.pid", "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""
NAKED = HIDER.replace("        time.sleep(600)", "        os.execve('/bin/sleep', ['sleep', '600'], {})", 1)
"""A daemon that also gives up its environment, and with it the mark of its guest."""
TALKER = """
import sys, time
for number in range(400):
    sys.stdout.write("x" * 99_999 + "\\n")
print("last words", flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """A zombie is dead: whoever inherited it has not looked yet."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


DEAF = "import signal,time; signal.signal(15, signal.SIG_IGN); open('up','w').close(); time.sleep(600)"


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[ProcessBackend]:
    made = ProcessBackend(home=tmp_path)
    yield made
    await made.close()


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    template = Template(820, tmp_path / "none", (sys.executable, "-c", HIDER))
    return Guest(5000, "hider", "127.78.1.1", template)


async def daemon_of(backend: ProcessBackend, guest: Guest, home: Path) -> int:
    await backend.clone(guest)
    await backend.start(guest)
    path = home / "guests/5000/root/daemon.pid"
    await eventually(lambda: path.exists() and path.read_text(), timeout=10)
    return int(path.read_text())


async def test_a_daemon_that_detaches_is_ended_with_its_guest(
    backend: ProcessBackend, guest: Guest, tmp_path: Path
) -> None:
    daemon = await daemon_of(backend, guest, tmp_path)
    await backend.stop(guest)
    assert not alive(daemon)
    assert not await backend.running(guest)


async def test_a_daemon_without_the_mark_is_ended_too(backend: ProcessBackend, tmp_path: Path) -> None:
    guest = Guest(
        5000, "naked", "127.78.1.1", Template(820, tmp_path / "none", (sys.executable, "-c", NAKED))
    )
    daemon = await daemon_of(backend, guest, tmp_path)
    await eventually(lambda: psutil.Process(daemon).name() == "sleep", timeout=10)
    await backend.stop(guest)
    assert not alive(daemon)


async def test_the_console_is_bounded_and_keeps_the_end(backend: ProcessBackend, tmp_path: Path) -> None:
    guest = Guest(
        5002, "talker", "127.78.1.3", Template(820, tmp_path / "none", (sys.executable, "-c", TALKER))
    )
    await backend.clone(guest)
    await backend.start(guest)
    log = tmp_path / "guests/5002/console.log"
    await eventually(lambda: log.exists() and b"last words" in log.read_bytes()[-20:], timeout=30)
    assert sum(path.stat().st_size for path in log.parent.glob("console*")) < 2 * LOG_LIMIT + (1 << 20)


async def test_another_home_is_left_alone(backend: ProcessBackend, guest: Guest, tmp_path: Path) -> None:
    daemon = await daemon_of(backend, guest, tmp_path)
    await ProcessBackend(home=tmp_path / "guests").clear()
    assert alive(daemon)


def test_guests_get_fewer_processes_than_the_user() -> None:
    assert quota(1000) == 750
    assert quota(resource.RLIM_INFINITY) == PROCESSES


async def test_a_deaf_guest_fails_the_shutdown(backend: ProcessBackend, tmp_path: Path) -> None:
    guest = Guest(5001, "deaf", "127.78.1.2", Template(820, tmp_path / "none", (sys.executable, "-c", DEAF)))
    await backend.clone(guest)
    await backend.start(guest)
    await eventually((tmp_path / "guests/5001/root/up").exists, timeout=10)
    with pytest.raises(Exception, match="did not end"):
        await backend.shutdown(guest, timeout=0.3)
    assert await backend.running(guest)


async def test_destroy_removes_the_folder(backend: ProcessBackend, guest: Guest, tmp_path: Path) -> None:
    await daemon_of(backend, guest, tmp_path)
    await backend.destroy(guest)
    assert not (tmp_path / "guests/5000").exists()


async def localpve(home: Path) -> asyncio.subprocess.Process:
    """Start the program itself; return it once it is ready."""
    words = ["-m", "zpack.localpve", "--home", str(home), "--port", "0", "--isolation", "process"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, "--subnet", f"{NET}.0.0/16", stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "LOCALPVE_TOKEN": "root@pam!zpack=a-secret"},
    )  # fmt: skip
    assert process.stdout is not None
    said = json.loads(await process.stdout.readline())
    assert (said["ready"], said["backend"]) == (True, "process")
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_guests_outlive_no_end_of_the_node(tmp_path: Path, number: signal.Signals) -> None:
    write_template(tmp_path, {"init": [sys.executable, "-c", HIDER]}, vmid=820)
    (tmp_path / "guests/5000/root").mkdir(parents=True)
    (tmp_path / "ledger.json").write_text(json.dumps([{"vmid": 5000, "template_of": 820, "running": True}]))
    pidfile = tmp_path / "guests/5000/root/daemon.pid"
    first = await localpve(tmp_path)
    await eventually(lambda: pidfile.exists() and pidfile.read_text(), timeout=10)
    daemon = int(pidfile.read_text())
    pidfile.unlink()
    first.send_signal(number)
    await first.wait()
    second = await localpve(tmp_path)
    assert not alive(daemon)
    await eventually(lambda: pidfile.exists() and pidfile.read_text(), timeout=10)
    second.send_signal(signal.SIGTERM)
    assert await second.wait() == 0
    assert not alive(int(pidfile.read_text()))


async def test_what_a_killed_node_left_is_ended_though_nobody_wants_it_again(tmp_path: Path) -> None:
    write_template(tmp_path, {"init": [sys.executable, "-c", HIDER]}, vmid=820)
    (tmp_path / "guests/5000/root").mkdir(parents=True)
    ledger, row = tmp_path / "ledger.json", {"vmid": 5000, "template_of": 820, "running": True}
    ledger.write_text(json.dumps([row]))
    pidfile = tmp_path / "guests/5000/root/daemon.pid"
    first = await localpve(tmp_path)
    await eventually(lambda: pidfile.exists() and pidfile.read_text(), timeout=10)
    first.kill()
    await first.wait()
    ledger.write_text(json.dumps([{**row, "running": False}]))
    second = await localpve(tmp_path)
    assert not alive(int(pidfile.read_text()))
    second.terminate()
    assert await second.wait() == 0


async def test_two_nodes_never_share_a_home(tmp_path: Path) -> None:
    first = await localpve(tmp_path)
    words = ["-m", "zpack.localpve", "--home", str(tmp_path), "--port", "0", "--isolation", "process"]
    second = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LOCALPVE_TOKEN": "a@b!c=d"},
    )
    _, said = await second.communicate()
    first.terminate()
    assert (second.returncode, await first.wait()) == (1, 0)
    assert b"another localpve runs" in said


async def test_a_forced_backend_that_cannot_work_says_why(tmp_path: Path) -> None:
    words = ["-m", "zpack.localpve", "--home", str(tmp_path), "--port", "0", "--isolation", "process"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, "--network", "bridge", stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LOCALPVE_TOKEN": "root@pam!zpack=a-secret"},
    )  # fmt: skip
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"bridge needs isolation lxc" in said
