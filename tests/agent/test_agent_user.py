"""The workload's own user: what it may not see, signal, keep or become (CVE-2023-32080, CVE-2021-32699, CVE-2025-50691)."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.agent.bench import HERE, agent_beside, environment, eventually

from zpack.agent.config.files import close_home
from zpack.agent.runtime.family import marked
from zpack.agent.runtime.user import WorkloadUser, find_user
from zpack.agent.settings import SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.agent.bench import Client, StoreServer

pytestmark = pytest.mark.root
UID = 300_000 + os.getpid() % 100_000
"""A user that nothing else on this machine is: the limit of processes counts them all."""
PROCESSES = 24
INSTALLER = b"""id -u > installed-by
cat > server.sh <<'END'
echo up
while read -r line; do eval "$line"; done
END
"""
NUMBERS = itertools.count(1)
TOKEN = "per-instance-token-0123456789"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users can pass; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="zpack-user-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def shell(place: Path, store: StoreServer) -> AsyncIterator[Client]:
    """A running workload that obeys, as a user of its own."""
    store.put("minecraft/shell/1/installer.sh", INSTALLER)
    changes = {
        "ZLH_WORKLOAD_USER": str(UID),
        "ZLH_WORKLOAD_PROCESSES": str(PROCESSES),
        "ZLH_AGENT_GAMES_DIR": str(HERE / "confined"),
    }
    async with agent_beside(place, store, **changes) as client:
        wanted = client.payload(
            variant="shell", artifact_path="minecraft/shell/1/installer.sh", agent_token=TOKEN
        )
        client.token = TOKEN
        assert (await client.post("/config", wanted))[0] == 202
        await client.said("up")
        yield client


async def answer(client: Client, command: str) -> str:
    """What the workload's shell says to one command."""
    start = f"answer {next(NUMBERS)}: "
    await client.type(f'echo "{start}$({command} 2>&1)"')
    return (await client.said(start)).removeprefix(start)


def own() -> set[int]:
    return {int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and owner(p) == UID}


def owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return None


def folder(client: Client) -> Path:
    return client.root / "minecraft" / "shell" / "world"


IDENTITY = {
    "id -u": "{uid}", "id -G": "{uid}", "umask": "0027", "ulimit -c": "0", "ulimit -Hp": "{processes}",
    "cat installed-by": "{uid}", "grep NoNewPrivs /proc/self/status | grep -c 1": "1",
    "grep CapEff /proc/self/status | grep -c 0000000000000000": "1",
}  # fmt: skip
FORBIDDEN = (
    "cat {home}/config/token", "ls {home}", "cat {home}/config/payload.json", "kill -9 {agent}",
    "cat /proc/{agent}/environ", "head -c1 /proc/{agent}/mem", "ls /proc/{agent}/fd", "cat /etc/shadow",
    "touch {root}/x", "touch {root}/minecraft/x", "mv {folder} {folder}.away", "mknod x b 8 0",
)  # fmt: skip


async def test_it_is_nobody_else_and_can_become_nobody(shell: Client) -> None:
    wanted = {command: said.format(uid=UID, processes=PROCESSES) for command, said in IDENTITY.items()}
    assert {command: await answer(shell, command) for command in wanted} == wanted


async def test_it_may_neither_look_at_the_agent_nor_touch_it(shell: Client) -> None:
    assert shell.process
    words = {"home": shell.home, "root": shell.root, "folder": folder(shell), "agent": shell.process.pid}
    said = {command: await answer(shell, command.format(**words)) for command in FORBIDDEN}
    refused = {c for c, text in said.items() if "ermission denied" in text or "not permitted" in text}
    assert {command: said[command] for command in said if command not in refused} == {}
    assert (await shell.status())["processRunning"]


async def test_it_owns_its_folder_and_what_the_agent_writes_there(shell: Client) -> None:
    seen = {path.lstat().st_uid for path in (folder(shell), *folder(shell).rglob("*"))}
    assert seen == {UID}
    assert await answer(shell, "echo '{}' > config/settings.json && echo written") == "written"


async def test_what_it_left_of_another_user_is_handed_over_at_the_next_start(shell: Client) -> None:
    (folder(shell) / "restored.dat").write_text("by the agent, as root")
    assert (await shell.post("/stop"))[0] == 204
    assert (await shell.post("/start"))[0] == 200
    await eventually(lambda: _owned(folder(shell) / "restored.dat"))


async def _owned(path: Path) -> bool:
    return owner(path) == UID


async def test_after_an_installation_the_modes_say_who_may_what(shell: Client) -> None:
    assert stat.S_IMODE(shell.home.stat().st_mode) == 0o700
    for path in (shell.home, *shell.home.rglob("*")):
        assert (path.lstat().st_uid, path.lstat().st_mode & 0o022) == (0, 0)
    assert stat.S_IMODE((shell.home / "config" / "token").stat().st_mode) == 0o600
    for path in (shell.root, *shell.root.rglob("*")):
        assert stat.S_ISLNK(path.lstat().st_mode) or not path.lstat().st_mode & stat.S_IWOTH, path


async def test_a_bomb_of_processes_meets_its_limit(shell: Client) -> None:
    await shell.type("(n=0; while [ $n -lt 200 ]; do sleep 600 & n=$((n+1)); done)")
    assert "fork" in await shell.said("server.sh:")
    assert 2 < len(own()) <= PROCESSES
    await shell.type("(bomb() { bomb | bomb & }; bomb)")
    assert await shell.get("/health") == (200, "ok")
    assert (await shell.post("/stop"))[0] == 204
    assert own() == set()


async def test_a_leftover_that_may_not_be_looked_at_is_found_by_its_user() -> None:
    words = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "sleep", "600")
    with subprocess.Popen(words) as left:  # noqa: ASYNC220 - it is started, not waited for
        try:
            await eventually(lambda: _owned(Path(f"/proc/{left.pid}")))
            assert left.pid not in marked("NO=mark", uid=UID)  # root may look, and sees no mark
            assert str(left.pid) in _marked_for_a_stranger()
        finally:
            left.kill()


def _marked_for_a_stranger() -> str:
    """What an agent sees that lacks CAP_SYS_PTRACE, as root of a container may."""
    code = "import os; from zpack.agent.runtime.family import marked; "
    code += f"os.setresuid(*[{UID + 1}] * 3); print(marked('NO=mark', uid={UID}))"
    done = subprocess.run((sys.executable, "-c", code), check=True, capture_output=True, text=True)
    return done.stdout


def test_links_and_second_names_are_not_handed_over(place: Path) -> None:
    secret, tree = place / "secret", place / "tree"
    tree.mkdir()
    secret.write_text("root's")
    (tree / "link").symlink_to(secret)
    (tree / "second-name").hardlink_to(secret)
    (tree / "folder").mkdir()
    (tree / "folder" / "file").touch()
    WorkloadUser(UID, UID, PROCESSES).own(tree)
    assert (owner(secret), owner(tree / "link"), owner(tree / "folder" / "file")) == (0, UID, UID)


@pytest.mark.parametrize(("name", "reason"), [("no-such-user", "no user"), ("0", "another user")])
def test_a_user_that_cannot_be_taken_stops_the_start(place: Path, name: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        find_user(name, processes=9, folder=place)


def test_a_folder_that_the_user_cannot_reach_is_said(place: Path) -> None:
    close_home(place / "closed")
    with pytest.raises(SettingsError, match="is closed to it"):
        find_user(str(UID), processes=9, folder=place / "closed" / "root")


def test_root_is_how_to_ask_for_no_other_user(place: Path, store: StoreServer) -> None:
    settings = read_settings(environment(place, store, ZLH_WORKLOAD_USER="root"))
    assert find_user(settings.confinement.user, processes=9, folder=place) is None
