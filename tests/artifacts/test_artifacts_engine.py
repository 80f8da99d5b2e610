"""The embedded engine: built, pruned, started, pinged, joined."""

from __future__ import annotations

import gzip
import io
import json
import socket
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcstatus import JavaServer
from tests.node.bots.installed import installed_bots

from zpack.artifacts import catalog, layout
from zpack.artifacts.engine_check import EngineError, check_engine
from zpack.artifacts.node import NodeMissingError, NodeTools, find_node
from zpack.artifacts.npm_install import InstallError
from zpack.artifacts.prepare import VERSIONS, build_key, prepare
from zpack.artifacts.progress import LineProgress, SilentProgress
from zpack.artifacts.prune import UnknownVersionError, needed_files
from zpack.artifacts.tarball import write_tarball

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zpack.artifacts.folder import ArtifactFolder

ENGINE = Path(catalog.__file__).parent / "engines/flying-squid"
HOST = "127.79.200.1"


class Game:
    """One running engine, its output kept."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def read_until(self, text: str) -> str:
        """Read lines until one holds the text; the test's own time limit is the budget."""
        for line in self.process.stdout or []:
            self.lines.append(line.rstrip("\n"))
            if text in line:
                return self.lines[-1]
        raise AssertionError(f"{text!r} never came:\n" + "\n".join(self.lines))

    def command(self, line: str) -> None:
        """Type a line at the console."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


@pytest.fixture(scope="session")
def unpacked(prepared: ArtifactFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("engine")
    path = prepared.root / layout.game_path(layout.FLYING_SQUID, "1.21.4")
    with tarfile.open(path) as archive:
        archive.extractall(target, filter="data")
    return target


@pytest.fixture
def start(unpacked: Path, tmp_path: Path) -> Iterator[Any]:
    """Start engines; whatever still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def start_game(**settings: Any) -> Game:
        (tmp_path / "settings.json").write_text(json.dumps({"host": HOST, "port": 0} | settings))
        command = [str(find_node().node), str(unpacked / "server.js")]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )
        running.append(process)
        return Game(process)

    yield start_game
    for process in running:
        process.kill()
        process.communicate()


def port_of(game: Game) -> int:
    return int(game.read_until("Done (").split(f"{HOST}:")[1].split(",")[0])


@pytest.mark.node
def test_the_prepared_folder_is_listed_and_sound(prepared: ArtifactFolder) -> None:
    assert {entry.version for entry in catalog.entries(prepared.games())} == set(VERSIONS)
    assert prepared.verify() == []
    assert list(prepared.root.glob(".prepare-*")) == []
    sizes = {
        (prepared.root / layout.game_path(layout.FLYING_SQUID, version)).stat().st_ino for version in VERSIONS
    }
    assert len(sizes) == 1  # one file under four names


@pytest.mark.node
def test_preparing_again_needs_neither_node_nor_network(prepared: ArtifactFolder) -> None:
    def no_node() -> NodeTools:
        raise NodeMissingError("none")

    again = prepare(prepared, find_node=no_node, progress=SilentProgress())
    assert (again.built, again.versions) == (False, list(VERSIONS))


@pytest.mark.node
def test_the_archive_holds_plain_files_of_nobody(prepared: ArtifactFolder) -> None:
    path = prepared.root / layout.game_path(layout.FLYING_SQUID, "1.8.8")
    assert path.stat().st_size < 8_000_000
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert {member.mode for member in members} <= {0o644, 0o755}
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members} == {(0, 0, "", 0)}
    assert all(member.isfile() or member.isdir() for member in members)
    assert [member.name for member in members] == sorted(member.name for member in members)


@pytest.mark.node
@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_answers_a_ping_and_is_joined(start: Any, version: str) -> None:
    game = start(version=version, motd="Hello & welcome", maxPlayers=7)
    port = port_of(game)
    status = JavaServer(HOST, port).status()
    assert (status.version.name, status.motd.to_plain(), status.players.max) == (
        version,
        "Hello & welcome",
        7,
    )
    tools, bots = installed_bots()
    words = ["--host", HOST, "--port", str(port), "--fake-host", "mc.example.test", "--username", "Steve"]
    said = subprocess.run(
        [str(tools.node), str(bots / "join.mjs"), *words, "--version", version, "--message", "good morning"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    events = [json.loads(line) for line in said.stdout.splitlines()]
    assert [event["event"] for event in events] == ["spawn", "chat", "end"], said.stdout + "\n".join(
        game.lines
    )
    game.read_until("Steve (")
    game.read_until("<Steve> good morning")
    game.read_until("Steve disconnected")


@pytest.mark.node
def test_a_players_list_shows_the_server(start: Any) -> None:
    port = port_of(start(version="1.21.4", motd="in the list"))
    tools, bots = installed_bots()
    words = ["--host", HOST, "--port", str(port), "--fake-host", "mc.example.test"]
    said = subprocess.run(
        [str(tools.node), str(bots / "ping.mjs"), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(said.stdout)["description"] == {"text": "in the list"}


def written_to(log: Path, words: str) -> None:
    """Wait until the game has written to its log, which it does some time after it spoke."""
    deadline = time.monotonic() + 20
    while words not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.mark.node
def test_the_console_takes_commands_and_stop_ends_cleanly(start: Any, tmp_path: Path) -> None:
    game = start(version="1.20.4")
    port_of(game)
    game.command("list")
    game.read_until("There are 0 of a max of 20 players online")
    game.command("say hello all")
    game.read_until("[Server] hello all")
    game.command("no-such-command")
    game.read_until("ERROR]: Command not found")
    written_to(next((tmp_path / "logs").iterdir()), "hello all")
    game.command("stop")
    game.read_until("Stopping the server (console)")
    assert game.process.wait(20) == 0
    assert (tmp_path / "world/level.dat").exists()
    assert "hello all" in next((tmp_path / "logs").iterdir()).read_text()


@pytest.mark.node
def test_sigterm_ends_cleanly_and_lines_are_plain(start: Any) -> None:
    game = start(version="1.8.8")
    port_of(game)
    game.process.terminate()
    game.read_until("Server is closed")
    assert game.process.wait(20) == 0
    assert all("\x1b" not in line and line.startswith("[") for line in game.lines)


@pytest.mark.node
def test_a_taken_port_ends_with_an_error(start: Any) -> None:
    port = port_of(start(version="1.8.8"))
    second = start(version="1.8.8", port=port)
    second.read_until("EADDRINUSE")
    assert second.process.wait(20) == 1


@pytest.mark.node
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"version": "1.2.3"}, "1.2.3"),
        ({"port": "x"}, "port must be a number"),
        ({"version": "1.19.4"}, "Cannot find"),
    ],
)
def test_wrong_settings_end_with_their_reason(start: Any, settings: dict[str, Any], reason: str) -> None:
    game = start(**settings)
    game.read_until(reason)
    game.process.stdout.read()
    assert game.process.wait(20) == 1


@pytest.mark.node
def test_noise_on_the_port_does_not_end_the_server(start: Any) -> None:
    game = start(version="1.21.4")
    port = port_of(game)
    for noise in (b"\x00" * 50, b"GET / HTTP/1.1\r\n\r\n", b"\xfe\x01", b"\xff" * 3000, b""):
        send(port, noise)
    game.command("list")
    game.read_until("There are 0 of")


def send(port: int, content: bytes) -> None:
    with socket.create_connection((HOST, port), timeout=5) as connection:
        connection.sendall(content)


@pytest.mark.node
async def test_the_engine_runs_on_the_wheels_node_too(unpacked: Path, tmp_path: Path) -> None:
    await check_engine(find_node("/nonexistent").node, unpacked, "1.21.4", tmp_path)
    assert (tmp_path / "world/level.dat").exists()


@pytest.mark.node
async def test_an_engine_that_cannot_start_is_found_out(unpacked: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"(?s)ended before it was ready.*Cannot find module"):
        await check_engine(find_node().node, unpacked, "1.19.4", tmp_path)


@pytest.mark.node
def test_players_that_vanish_while_joining_do_not_end_the_server(start: Any) -> None:
    game = start(version="1.21.4")
    port = port_of(game)
    handshake = b"\x10\x00" + b"\x81\x06" + b"\x09localhost" + b"\x63\xdd" + b"\x02"
    login = b"\x18\x00" + b"\x06Vanish" + bytes(16)
    for _ in range(10):
        send(port, handshake + login)
    game.command("list")
    game.read_until("There are 0 of")


def test_the_key_changes_with_the_versions() -> None:
    assert build_key(("1.21.4",)) != build_key(("1.20.4",)) == build_key(("1.20.4",))


def test_a_failed_build_leaves_nothing(folder: ArtifactFolder, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\nmkdir -p node_modules/half; echo no such package >&2; exit 7\n")
    npm.chmod(0o755)
    tools = NodeTools(find_node().node, (str(npm),), 20)
    with pytest.raises(InstallError, match="ended with 7:\nno such package"):
        prepare(folder, find_node=lambda: tools, progress=SilentProgress())
    assert {path.name for path in folder.root.iterdir()} == {".prepare.lock"}


def test_what_a_killed_build_left_is_removed_by_the_next(folder: ArtifactFolder) -> None:
    (folder.root / ".prepare-dead/engine").mkdir(parents=True)

    def no_node() -> NodeTools:
        raise NodeMissingError("none")

    with pytest.raises(NodeMissingError):
        prepare(folder, find_node=no_node, progress=SilentProgress())
    assert {path.name for path in folder.root.iterdir()} == {".prepare.lock"}


@pytest.mark.parametrize("name", ["package.json", "package-lock.json", "server.js"])
def test_the_engines_sources_name_no_address_to_install_from(name: str) -> None:
    text = (ENGINE / name).read_text("utf-8")
    assert '"resolved"' not in text
    if name == "package-lock.json":
        packages = [entry for path, entry in json.loads(text)["packages"].items() if path]
        assert all(entry["integrity"].startswith("sha512-") for entry in packages)


def test_a_version_keeps_the_files_it_borrows() -> None:
    paths = {"1.8": {"blocks": "pc/1.8", "windows": "pc/1.7"}, "1.9": {"blocks": "pc/1.9"}}
    released = [{"minecraftVersion": "1.8.8", "majorVersion": "1.8"}]
    assert needed_files(paths, released, "1.8.8") == {"pc/1.8/blocks", "pc/1.7/windows"}
    with pytest.raises(UnknownVersionError):
        needed_files(paths, released, "1.7.10")


def test_the_same_content_gives_the_same_archive(tmp_path: Path) -> None:
    for name, order in (("a", "xyz"), ("b", "zyx")):
        for file in order:
            (tmp_path / name / "sub").mkdir(parents=True, exist_ok=True)
            (tmp_path / name / "sub" / file).write_text(file)
        write_tarball(tmp_path / name, tmp_path / f"{name}.tar.gz")
    first, second = ((tmp_path / f"{name}.tar.gz").read_bytes() for name in "ab")
    assert first == second
    assert b"sub/x" in gzip.decompress(first)


def test_progress_in_a_log_is_a_few_lines() -> None:
    out = io.StringIO()
    progress = LineProgress(out)
    for done in range(1, 1001):
        progress.show("pack", done, 1000)
    progress.show("verify")
    lines = out.getvalue().splitlines()
    assert len(lines) == 6
    assert lines[-2].endswith("pack 100 % (1000/1000)")
