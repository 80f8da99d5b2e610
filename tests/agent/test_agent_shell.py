"""A dev container's shell: a real one, on a real terminal."""

from __future__ import annotations

import asyncio
import os
import pwd
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.agent.bench import alive, eventually, serving
from tests.support.sockets import Viewer

from zpack.agent.console.shell import Account, Shells
from zpack.agent.console.stream import Stream
from zpack.agent.console.talks import ShellTalk
from zpack.agent.runtime.family import Orphans
from zpack.agent.runtime.user import WorkloadUser
from zpack.wire.console import PLAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AROUND = {
    "PATH": os.environ["PATH"], "USER": "somebody", "LOGNAME": "somebody", "SHELL": "/bin/bash",
    "TERM": "xterm-256color",
}  # fmt: skip


class Place:
    """Shells behind a socket."""

    def __init__(self, made: Shells) -> None:
        self.shells = made
        self.url = ""

    async def door(self, request: web.Request) -> web.StreamResponse:
        async with self.shells.attached() as shell:
            return await Stream(talk=ShellTalk(shell), after=int(request.query.get("after", 0))).serve(
                request
            )

    def look(self, after: int = 0, **how: Any) -> Viewer:
        return Viewer(f"{self.url}/?after={after}", **how)

    @property
    def pid(self) -> int:
        assert self.shells._shell
        return self.shells._shell.pid


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    account = Account(None, tmp_path, AROUND | {"HOME": str(tmp_path), "MARK": "here"})
    found = Place(Shells(orphans=Orphans(), account=lambda: account, linger_seconds=0.5))
    app = web.Application()
    app.router.add_get("/", found.door)
    async with serving(app) as found.url:
        yield found
        await found.shells.close()


async def ran(viewer: Viewer, command: str) -> str:
    """Run a command; return what it wrote."""
    viewer.lines.clear()
    await viewer.ask(input=f"{command}; echo do''ne\n")
    while "done" not in (said := "".join(viewer.lines)):
        assert await viewer.next()
    return said


async def test_it_is_a_shell_on_a_terminal(place: Place) -> None:
    async with place.look() as viewer:
        assert "not a tty" not in await ran(viewer, "tty")
        said = await ran(viewer, "echo $HOME $USER $LOGNAME $TERM $MARK; jobs; sleep 0 & wait")
        assert "somebody somebody xterm-256color here" in said
        assert "no job control" not in said


async def test_nothing_of_the_agents_environment_is_in_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZLH_AGENT_TOKEN", "a-secret-of-the-agent")
    async with place.look() as viewer:
        assert "a-secret-of-the-agent" not in await ran(viewer, "env")


async def test_keys_pass_as_they_are(place: Place) -> None:
    async with place.look(protocols=(PLAIN,)) as viewer:
        await viewer.socket.send_str("echo be''gin; cat\n")
        await viewer.until("begin")
        await viewer.socket.send_str("half a li\x7fne\n")
        await viewer.until("half a lne")
        viewer.lines.clear()
        await viewer.socket.send_str("\x03")
        await viewer.until("\r\n")
        await viewer.socket.send_str("echo after$((1+1))\n")
        await viewer.until("after2")


async def test_it_survives_a_reconnect_and_goes_on_where_it_was(place: Place) -> None:
    async with place.look() as viewer:
        await ran(viewer, "variable=kept")
        pid = place.pid
    async with place.look(viewer.last) as again:
        assert "kept" in await ran(again, "echo $variable")
        assert again.seqs[0] == viewer.last + 1
    assert place.pid == pid


async def test_without_anybody_it_ends_after_a_while(place: Place) -> None:
    async with place.look() as viewer:
        await viewer.ask(input="sleep 600 &\n")
        said = await ran(viewer, "echo job $!")
        job, pid = int(said.split("job ")[-1].split()[0]), place.pid

    async def gone() -> bool:
        return not alive(pid)

    await eventually(gone)
    assert not alive(job) or os.kill(job, 9) is None  # a job of its own group got the hang-up


async def test_two_look_at_the_same_one(place: Place) -> None:
    async with place.look() as one, place.look() as two:
        await one.ask(input="echo sha''red\n")
        await one.until("shared")
        await two.until("shared")


async def test_a_terminal_is_resized(place: Place) -> None:
    async with place.look() as viewer:
        await viewer.ask(resize={"cols": 91, "rows": 17})
        assert "17 91" in await ran(viewer, "stty size")


async def test_its_end_is_told_and_the_next_viewer_gets_another(place: Place) -> None:
    async with place.look() as viewer:
        await viewer.until("")
        pid = place.pid
        await viewer.ask(input="exit 3\n")
        assert await viewer.end() == (1000, "shell_ended")
    async with place.look() as viewer:
        await ran(viewer, "true")
        assert place.pid != pid


async def test_an_endless_talker_is_slowed_and_can_be_stopped(place: Place) -> None:
    async with place.look() as viewer:
        await viewer.ask(input="yes\n")
        await viewer.until("y\r\ny")
        await viewer.ask(input="\x03")
        assert "7" in await ran(viewer, "echo $((3+4))")
    async with place.look(viewer.last) as again:
        await ran(again, "true")


async def test_more_keys_than_it_reads_are_refused(place: Place) -> None:
    async with place.look() as viewer:
        await viewer.ask(input="stty raw -echo; sleep 600\n")
        await viewer.until("sleep")
        for _ in range(8):
            await viewer.ask(input="x" * 15_000)
        assert await viewer.problem() == "not_ready"


@pytest.mark.root
async def test_as_root_it_becomes_its_user(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    account = Account(WorkloadUser(nobody.pw_uid, nobody.pw_gid, 0), tmp_path / "none", AROUND)
    made = Shells(orphans=Orphans(), account=lambda: account, linger_seconds=0)
    async with made.attached() as shell:
        await asyncio.sleep(0)
        shell.type("echo ids $(id -u) $(id -G)\n")

        async def told() -> bool:
            said = "".join(each["line"] for each in shell.ring.after(0)["lines"])
            return f"ids {nobody.pw_uid} {nobody.pw_gid}" in said

        await eventually(told)
    await made.close()
