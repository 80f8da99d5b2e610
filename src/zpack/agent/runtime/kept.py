"""The workload as the agent sees it: on a terminal that its keeper holds, and found again after a restart."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from zpack.agent.problems import WorkloadError
from zpack.agent.runtime import keeper
from zpack.agent.runtime.memory import oom_kills
from zpack.agent.runtime.process import LAUNCH, Began, Exit, launched

if TYPE_CHECKING:
    from collections.abc import Callable

    from zpack.agent.runtime.family import Orphans
    from zpack.agent.runtime.process import Command

KEEPER = str(Path(keeper.__file__))
FRAME_LIMIT = 1 << 20
UNREAD_BYTES = 64 * 1024
"""What may wait to be read by the workload: as much as a pipe holds."""
HELLO_SECONDS = 5.0
END_SECONDS = 5.0


class Console(Protocol):
    """Where the workload's lines go. While a keeper numbers them, the agent's own go through it too."""

    @property
    def last(self) -> int:
        """The newest line's number."""
        ...

    def extend(self, first: int, lines: list[str]) -> None:
        """Take lines that are numbered already."""
        ...

    def lend(self, note: Callable[[str], None] | None) -> None:
        """Give the numbering away, or take it back."""
        ...


class KeptProcess:
    """A running workload, spoken to through its keeper."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hello: dict[str, Any],
        console: Console,
    ) -> None:
        self.pid = int(hello["pid"])
        self.keeper = int(hello["keeper"])
        facts = hello["facts"]
        self.label = str(facts["label"])
        self.began = Began(
            at=float(hello["began"]), line=int(facts["line"]), oom_kills=int(facts["oom_kills"])
        )
        self._reader = reader
        self._writer = writer
        self._console = console
        self._unread = 0
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[None] | None = None
        """Held here: the loop itself keeps no task alive."""

    def follow(self) -> None:
        """Begin to read, after the newest line that the console has."""
        self._console.lend(self.note)
        self._say({"after": self._console.last})
        self._reading = asyncio.create_task(self._read(), name="workload's console")

    async def wait(self) -> Exit:
        """Wait for the end. A keeper that dies takes the workload along."""
        return await asyncio.shield(self._ended)

    def write_line(self, text: str) -> None:
        """Type one line. Raises :class:`WorkloadError` when nobody reads it."""
        line = text.encode(errors="replace")[: keeper.MAX_LINE - 1].decode(errors="ignore") + "\n"
        size = len(line.encode())
        if self._ended.done() or self._unread + size > UNREAD_BYTES:
            raise WorkloadError("the server does not read its console")
        self._unread += size
        self._say({"type": line})

    def note(self, text: str) -> None:
        """Put a line of the agent's among the workload's."""
        self._say({"note": text})

    def signal(self, name: str) -> None:
        """Signal its whole process group; nothing when it is gone."""
        self._say({"signal": name})

    def resize(self, columns: int, rows: int) -> None:
        """Tell it how large its terminal is."""
        self._say({"resize": [columns, rows]})

    def drop(self) -> None:
        """Let go of it before it was followed: it runs on."""
        self._writer.transport.abort()

    def _say(self, frame: dict[str, Any]) -> None:
        if not self._ended.done():
            self._writer.write(json.dumps(frame).encode() + b"\n")

    async def _read(self) -> None:
        exit_code: int | None = None
        try:
            while exit_code is None and (line := await self._reader.readline()):
                frame = json.loads(line)
                if "lines" in frame:
                    self._console.extend(frame["seq"], frame["lines"])
                self._unread -= frame.get("typed", 0)
                exit_code = frame.get("exit")
                await asyncio.sleep(0)  # a talkative server must not starve the agent's answers
            self._say({"noted": True})
        except (OSError, ValueError):
            pass
        finally:
            self._end(-9 if exit_code is None else exit_code)

    def _end(self, code: int) -> None:
        self._console.lend(None)
        if not self._ended.done():
            self._ended.set_result(Exit(None, -code) if code < 0 else Exit(code, None))
        self._writer.close()


class KeeperLauncher:
    """Starts workloads below a keeper, and finds the one that an earlier agent left.

    With ``outlives`` the workload goes on when the agent dies; without, it dies with it.
    """

    def __init__(
        self, *, folder: Path, mark: str, orphans: Orphans, console: Console, outlives: bool
    ) -> None:
        self._folder = folder
        self._mark = mark
        self._orphans = orphans
        self._console = console
        self._outlives = outlives
        self._watching: set[asyncio.Task[int]] = set()

    async def launch(self, command: Command, *, label: str) -> KeptProcess:
        """Start a workload. Raises :class:`WorkloadError`."""
        facts = {"label": label, "line": self._console.last, "oom_kills": oom_kills()}
        spec = {
            "argv": launched(command, parent=0),
            "cwd": str(command.cwd),
            "env": dict(command.env),
            "first": self._console.last + 1,
            "facts": facts,
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            await self._start(json.dumps(spec).encode() + b"\n")
            found = await self._connect()
        except (OSError, ValueError, TimeoutError) as error:
            raise WorkloadError(f"the server's keeper does not start: {error}") from error
        found.follow()
        return found

    async def find(self, label: str) -> KeptProcess | None:
        """Return the workload that an earlier agent left running, when it is the one that is wanted."""
        try:
            found = await self._connect()
        except (OSError, ValueError, TimeoutError, KeyError, TypeError):
            return None
        if found.label != label:
            found.drop()
            return None
        found.follow()
        return found

    async def _start(self, spec: bytes) -> None:
        program = (sys.executable, "-I", "-S", KEEPER, str(self._folder))
        bound = () if self._outlives else (sys.executable, "-I", "-S", LAUNCH, str(os.getpid()), "-")
        name, _, value = self._mark.partition("=")
        with (self._folder / "keeper.log").open("wb") as log, self._orphans.starting():
            process = await asyncio.create_subprocess_exec(
                *(*bound, *program),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={"LC_ALL": "C.UTF-8", name: value},
                start_new_session=True,
            )
            self._orphans.waited_for(process.pid)
        watching = asyncio.create_task(process.wait(), name="keeper's end")
        self._watching.add(watching)
        watching.add_done_callback(lambda _: self._forget(watching, process.pid))
        assert process.stdin  # noqa: S101 - asked for above
        assert process.stdout  # noqa: S101
        process.stdin.write(spec)
        process.stdin.close()
        if await process.stdout.readline() != keeper.LISTENING:
            raise WorkloadError(
                "the server's keeper does not start; keeper.log in the agent's folder says why"
            )

    async def close(self) -> None:
        """Wait until the keepers of ended workloads are gone too; one that was let go is not waited for."""
        if self._watching:
            await asyncio.wait(self._watching, timeout=END_SECONDS)

    def _forget(self, watching: asyncio.Task[int], pid: int) -> None:
        self._watching.discard(watching)
        self._orphans.waited(pid)

    async def _connect(self) -> KeptProcess:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # By descriptor: the path of a socket must be short.
            path = f"/proc/self/fd/{folder}/{keeper.SOCKET}"
            reader, writer = await asyncio.open_unix_connection(path, limit=FRAME_LIMIT)
        finally:
            os.close(folder)
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = json.loads(await reader.readline())["hello"]
            return KeptProcess(reader, writer, hello, self._console)
        except BaseException:
            writer.transport.abort()
            raise
