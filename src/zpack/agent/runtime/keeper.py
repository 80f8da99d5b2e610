"""Holds a workload on a terminal of its own, so that the agent can end and begin again without it.

Run by path as a script (``python -I -S keeper.py <folder>``) and told on stdin what to run, as one JSON line.
It is the parent of the workload, holds its terminal and its last lines, numbered, and serves one agent at a
time on ``<folder>/keeper.sock``: lines of JSON both ways. How the workload ended is kept until an agent took
note of it.

It never waits for the agent: lines that the agent does not fetch in time are lost, the game goes on.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import sys
import termios
import time
import tty

SOCKET = "keeper.sock"
LISTENING = b"listening\n"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CHUNK = 16 * 1024
MAX_LINE = 4096
KEPT_LINES, KEPT_BYTES = 4000, 512 * 1024
FRAME_BYTES = 32 * 1024
UNSENT_BYTES = 256 * 1024
FRAME_LIMIT = 64 * 1024
LAST_WORDS_SECONDS = 0.5
GRACE_SECONDS = 20.0
CANNOT_START = 127
RESTORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)


class LineCutter:
    """Cuts a byte stream into lines; an endless line is cut into pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        pieces = [line[at : at + MAX_LINE] for line in lines for at in range(0, max(len(line), 1), MAX_LINE)]
        while len(self._rest) > MAX_LINE:
            pieces.append(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]
        return [_text(piece) for piece in pieces]

    def end(self) -> list[str]:
        """Return what was left without a newline."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")


class Tail:
    """The last lines, numbered from ``first``."""

    def __init__(self, first: int) -> None:
        self._lines: collections.deque[str] = collections.deque()
        self._bytes = 0
        self.last = first - 1

    def append(self, line: str) -> None:
        """Add one; the oldest leave when a bound is reached."""
        self._lines.append(line)
        self.last += 1
        self._bytes += len(line)
        while len(self._lines) > KEPT_LINES or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._lines.popleft())

    def after(self, seq: int) -> tuple[int, list[str]]:
        """Return lines newer than ``seq``, as many as one frame takes, and the first one's number."""
        first = self.last - len(self._lines) + 1
        begin = max(seq + 1, first)
        found: list[str] = []
        size = 0
        for at in range(begin - first, len(self._lines)):
            found.append(self._lines[at])
            size += len(self._lines[at]) + 4
            if size > FRAME_BYTES:
                break
        return begin, found


class Agent:
    """The connected agent: what it sent so far of a frame, what it has not taken yet, which line is next."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.unsent = b""
        self.told: int | None = None
        """The last line it was sent; None until it said where it begins."""
        self.told_exit = False
        self._received = b""

    def receive(self) -> list[dict[str, object]] | None:
        """Return the frames that arrived, or None when it is gone or speaks nonsense."""
        try:
            data = self.connection.recv(CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            return None
        *lines, self._received = (self._received + data).split(b"\n")
        if not data or len(self._received) > FRAME_LIMIT:
            return None
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            return None

    def say(self, frame: dict[str, object]) -> None:
        """Queue a frame."""
        self.unsent += json.dumps(frame, separators=(",", ":")).encode() + b"\n"

    def send(self) -> bool:
        """Send what it takes now; False when it is gone."""
        try:
            sent = self.connection.send(self.unsent)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.unsent = self.unsent[sent:]
        return True


class Spec:
    """What the agent asked for; ``facts`` is handed back to any later agent as it is."""

    def __init__(self, text: bytes) -> None:
        said = json.loads(text)
        self.argv: list[str] = said["argv"]
        self.cwd: str = said["cwd"]
        self.env: dict[str, str] = said["env"]
        self.first: int = said["first"]
        self.facts: dict[str, object] = said["facts"]


class Terminal:
    """Both ends of a raw terminal, with the workload on one of them."""

    def __init__(self, spec: Spec) -> None:
        self.master, slave = os.openpty()
        # Raw: what is typed reaches the workload as it is and is not echoed between its lines.
        tty.setraw(slave, termios.TCSANOW)
        self.resize(120, 40)
        self.pid = self._start(spec, slave)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.untyped = b""

    def resize(self, columns: int, rows: int) -> None:
        """Tell the workload how large its terminal is."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self) -> int:
        """Write what it takes now; return how much that was."""
        try:
            written = os.write(self.master, self.untyped[:CHUNK])
        except BlockingIOError:
            return 0
        except OSError:
            written = len(self.untyped)  # nobody is there to read it
        self.untyped = self.untyped[written:]
        return written

    def read(self) -> bytes | None:
        """Return what was said; empty when nothing was, None when the other end is closed."""
        try:
            return os.read(self.master, CHUNK) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def signal(self, number: int) -> None:
        """Signal the workload's process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _start(self, spec: Spec, slave: int) -> int:
        keeper = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            self._become(spec, slave, keeper)
        except OSError as error:
            os.write(2, f"cannot start {spec.argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(CANNOT_START)

    def _become(self, spec: Spec, slave: int, keeper: int) -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in (0, 1, 2):
            os.dup2(slave, number)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:
            return  # it died before the call above
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        os.chdir(spec.cwd)
        os.execvpe(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - there is no shell here


class Keeper:
    """The loop."""

    def __init__(self, spec: Spec, listener: socket.socket) -> None:
        self._spec = spec
        self._listener = listener
        self._tail = Tail(spec.first)
        self._cutter = LineCutter()
        self._agent: Agent | None = None
        self._selector = selectors.DefaultSelector()
        self._awake, wake = os.pipe()
        for end in (self._awake, wake):
            os.set_blocking(end, False)
        self._began = time.monotonic()
        self._status: int | None = None
        self._silent_at = 0.0
        """When the last words are given up, once the workload ended."""
        self._silent = False
        self._leave_at: float | None = None
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, _only_wake)
        signal.signal(signal.SIGTERM, self._asked_to_end)
        self._terminal = Terminal(spec)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._awake, selectors.EVENT_READ)
        self._selector.register(self._terminal.master, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until an agent took note of the workload's end, or we were asked to end."""
        while not self._is_done():
            for key, events in self._selector.select(self._patience()):
                if key.fileobj is self._listener:
                    self._welcome()
                elif key.fd == self._awake:
                    os.read(self._awake, CHUNK)
                elif key.fd == self._terminal.master:
                    self._serve_terminal(events)
                elif self._agent is not None and events & selectors.EVENT_READ:
                    self._hear(self._agent)
            self._reap()
            self._tell()
            self._watch()

    def _is_done(self) -> bool:
        if self._leave_at is None:
            return False
        if self._status is None and time.monotonic() > self._leave_at:
            self._terminal.signal(signal.SIGKILL)
        return self._silent

    def _patience(self) -> float | None:
        if self._status is not None and not self._silent:
            return max(0.0, self._silent_at - time.monotonic())
        return None if self._leave_at is None else max(0.01, self._leave_at - time.monotonic())

    def _asked_to_end(self, *_: object) -> None:
        if self._leave_at is None:
            self._leave_at = time.monotonic() + GRACE_SECONDS
            self._terminal.signal(signal.SIGTERM)

    def _serve_terminal(self, events: int) -> None:
        if events & selectors.EVENT_READ:
            data = self._terminal.read()
            if data is None:
                self._hush()
            elif data:
                for line in self._cutter.feed(data):
                    self._tail.append(line)
        if events & selectors.EVENT_WRITE and not self._silent:
            self._typed(self._terminal.type())

    def _typed(self, count: int) -> None:
        if count and self._agent is not None:
            self._agent.say({"typed": count})

    def _hush(self) -> None:
        """The terminal is closed: the workload has ended, or gave its console away."""
        if not self._silent:
            self._silent = True
            self._selector.unregister(self._terminal.master)
            for line in self._cutter.end():
                self._tail.append(line)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self._terminal.pid:
                self._status = status
                self._silent_at = time.monotonic() + LAST_WORDS_SECONDS
        if self._status is not None and time.monotonic() >= self._silent_at:
            self._hush()

    def _welcome(self) -> None:
        connection, _ = self._listener.accept()
        self._selector.unregister(self._listener)  # one agent at a time; a successor waits in the backlog
        self._agent = Agent(connection)
        self._selector.register(connection, selectors.EVENT_READ)
        hello = {
            "pid": self._terminal.pid,
            "keeper": os.getpid(),
            "began": self._began,
            "facts": self._spec.facts,
        }
        self._agent.say({"hello": hello})

    def _hear(self, agent: Agent) -> None:
        frames = agent.receive()
        if frames is None:
            self._lose(agent)
            return
        for frame in frames:
            for name, value in frame.items():
                self._obey(agent, name, value)

    def _obey(self, agent: Agent, name: str, value: object) -> None:
        if name == "after" and isinstance(value, int):
            agent.told = value
        elif name == "note":
            self._tail.append(str(value))
        elif name == "type" and not self._silent:
            self._terminal.untyped += str(value).encode(errors="replace")
            self._typed(self._terminal.type())
        elif name == "signal" and self._status is None:
            self._terminal.signal(signal.Signals[str(value)])
        elif name == "resize" and isinstance(value, list):
            self._terminal.resize(*value)
        elif name == "noted":  # how it ended: there is nothing left to keep
            self._leave_at = time.monotonic()

    def _tell(self) -> None:
        """Send the agent what it has not heard yet, as much as it takes."""
        agent = self._agent
        if agent is None or agent.told is None:
            return
        while len(agent.unsent) < UNSENT_BYTES:
            first, lines = self._tail.after(agent.told)
            if not lines:
                break
            agent.told = first + len(lines) - 1
            agent.say({"seq": first, "lines": lines})
        ended = self._status is not None and self._silent
        if ended and not agent.told_exit and agent.told >= self._tail.last:
            agent.told_exit = True
            agent.say({"exit": os.waitstatus_to_exitcode(self._status or 0)})

    def _watch(self) -> None:
        """Wait for writability only where there is something to write."""
        agent = self._agent
        if agent is not None and agent.unsent and not agent.send():
            self._lose(agent)
        elif agent is not None:
            self._selector.modify(agent.connection, _interest(agent.unsent))
        if not self._silent:
            self._selector.modify(self._terminal.master, _interest(self._terminal.untyped))

    def _lose(self, agent: Agent) -> None:
        self._selector.unregister(agent.connection)
        agent.connection.close()
        self._agent = None
        self._selector.register(self._listener, selectors.EVENT_READ)


def _only_wake(*_: object) -> None:
    """Be woken through the descriptor; a signal that is ignored would not wake."""


def _interest(waiting: bytes) -> int:
    return selectors.EVENT_READ | selectors.EVENT_WRITE if waiting else selectors.EVENT_READ


def main() -> None:
    """Listen, say so, and keep the workload."""
    os.chdir(sys.argv[1])  # a socket's path is short, a folder's may be long
    spec = Spec(sys.stdin.buffer.readline())
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)  # noqa: PTH108 - pathlib would double what this process takes
    listener = socket.socket(socket.AF_UNIX)
    os.umask(0o177)
    listener.bind(SOCKET)
    os.umask(0o022)
    listener.listen(1)
    os.write(1, LISTENING)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(nowhere, number)
    try:
        Keeper(spec, listener).run()
    finally:
        os.unlink(SOCKET)  # noqa: PTH108


if __name__ == "__main__":
    main()
