"""Reads engine files and refuses any that could not work, naming the file and the key."""

from __future__ import annotations

import signal
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

from zpack.agent.games.engine import (
    KNOWN_FACTS,
    Archiving,
    Engine,
    Install,
    ManagedFile,
    Ready,
    Seed,
    Start,
    Stop,
    placeholders,
)

SHIPPED = Path(__file__).parent

T = TypeVar("T")


class EngineFileError(Exception):
    """An engine file cannot be used; the text names file and key."""


class _Table:
    """One TOML table whose keys are taken out one by one; what is left over was not understood."""

    def __init__(self, where: str, content: dict[str, Any]) -> None:
        self.where = where
        self._left = dict(content)

    def fail(self, key: str, what: str) -> EngineFileError:
        return EngineFileError(f"{self.where}: {key} {what}")

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        value: Any = self._left.pop(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and kind is float:
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fail(key, f"must be of type {kind.__name__}")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> Any:
        value = self.take(key, str, default)
        if value not in allowed:
            raise self.fail(key, f"must be one of {', '.join(allowed)}")
        return value

    def strings(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        values = self.take(key, list, [])
        if not all(isinstance(v, str) and v for v in values) or (needed and not values):
            raise self.fail(key, "must be a list of strings")
        return tuple(cast("list[str]", values))

    def path(self, key: str, *, default: str | None = None, where: str = "") -> str:
        value = self.take(key, str, default)
        if value:
            check_inside(value, where or f"{self.where}: {key}")
        return value

    def table(self, key: str, *, needed: bool = False) -> _Table:
        default = None if needed else cast("dict[str, Any]", {})
        return _Table(f"{self.where}: {key}", self.take(key, dict, default))

    def tables(self, key: str) -> list[_Table]:
        values = self.take(key, list, [])
        if not all(isinstance(v, dict) for v in values):
            raise self.fail(key, "must be a list of tables")
        return [_Table(f"{self.where}: {key}[{n}]", v) for n, v in enumerate(values)]

    def rest(self) -> dict[str, Any]:
        left, self._left = self._left, {}
        return left

    def end(self) -> None:
        if self._left:
            raise self.fail(", ".join(sorted(self._left)), "is not known")


def check_inside(path: str, where: str) -> None:
    """Refuse a path that could leave the server's folder. Raises :class:`EngineFileError`."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or "\x00" in path:
        msg = f"{where} must stay inside the server's folder: {path!r}"
        raise EngineFileError(msg)


def parse_engine(text: str, *, source: str) -> Engine:
    """Parse and check one engine file. Raises :class:`EngineFileError`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{source}: {error}"
        raise EngineFileError(msg) from error
    table = _Table(source, content)
    engine = Engine(
        game=table.take("game", str),
        variant=table.take("variant", str),
        name=table.take("name", str),
        runtime=table.one_of("runtime", ("java", "node", "python", "native")),
        ports=table.strings("ports", needed=True),
        install=_install(table.table("install", needed=True)),
        starts=tuple(_start(t) for t in table.tables("start")),
        stop=_stop(table.table("stop", needed=True)),
        ready=_ready(table.table("ready", needed=True)),
        archiving=_archiving(table.table("archiving")),
        folders=table.strings("folders"),
        mods_folder=table.path("mods_folder", default=""),
        files=tuple(_file(t) for t in table.tables("file")),
    )
    table.end()
    _check(engine, source)
    return engine


def load_engines(*folders: Path) -> dict[tuple[str, str], Engine]:
    """Load every ``*.toml`` of the folders, by game and variant. Raises :class:`EngineFileError`."""
    engines: dict[tuple[str, str], Engine] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            engine = parse_engine(path.read_text(), source=path.name)
            key = (engine.game, engine.variant)
            if key in engines:
                msg = f"{path.name}: {engine.game}/{engine.variant} is described twice"
                raise EngineFileError(msg)
            engines[key] = engine
    return engines


def _install(table: _Table) -> Install:
    kind = table.one_of("kind", ("file", "archive", "installer"))
    install = Install(
        kind=kind,
        target=table.path("target", default=""),
        command=table.strings("command", needed=kind == "installer"),
        seeds=tuple(_seed(t) for t in table.tables("seed")),
    )
    table.end()
    if (kind == "archive") == bool(install.target):
        raise table.fail("target", "is needed for a file or an installer, and only then")
    return install


def _seed(table: _Table) -> Seed:
    seed = Seed(source=table.path("source"), target=table.path("target"))
    table.end()
    return seed


def _start(table: _Table) -> Start:
    start = Start(needs=table.path("needs"), argv=table.strings("argv", needed=True))
    table.end()
    return start


def _stop(table: _Table) -> Stop:
    stop = Stop(
        command=table.take("command", str, ""),
        signal=table.take("signal", str, "SIGTERM"),
        grace_seconds=table.take("grace_seconds", float, 20.0),
        words=table.strings("words"),
    )
    table.end()
    if not stop.signal.startswith("SIG") or stop.signal not in signal.Signals.__members__:
        raise table.fail("signal", "is no signal's name")
    if "\n" in stop.command or not 0 < stop.grace_seconds <= 600:  # noqa: PLR2004 - ten minutes
        raise table.fail("command, grace_seconds", "must be one line, and up to 600 seconds")
    return stop


def _ready(table: _Table) -> Ready:
    ready = Ready(
        probe=table.one_of("probe", ("minecraft_ping", "luanti_ping")),
        timeout_seconds=table.take("timeout_seconds", float),
    )
    table.end()
    return ready


def _archiving(table: _Table) -> Archiving:
    archiving = Archiving(
        flush=table.take("flush", str, ""),
        flushed=table.strings("flushed"),
        pause=table.take("pause", str, ""),
        paused=table.strings("paused"),
        resume=table.take("resume", str, ""),
        confirm_seconds=table.take("confirm_seconds", float, 60.0),
        skip=table.strings("skip"),
    )
    table.end()
    if any("\n" in command for command in (archiving.flush, archiving.pause, archiving.resume)):
        raise table.fail("flush, pause, resume", "must each be one line")
    if bool(archiving.pause) != bool(archiving.resume):
        raise table.fail("resume", "is needed with pause, and only then")
    if not 0 < archiving.confirm_seconds <= 600:  # noqa: PLR2004 - ten minutes
        raise table.fail("confirm_seconds", "must be up to 600")
    return archiving


def _file(table: _Table) -> ManagedFile:
    file = ManagedFile(
        path=table.path("path"),
        format=table.one_of("format", ("properties", "json", "text")),
        enforced=table.table("enforced").rest(),
        defaults=table.table("defaults").rest(),
        text=table.take("text", str, ""),
    )
    table.end()
    if (file.format == "text") != bool(file.text):
        raise table.fail("text", "is needed for the format text, and only then")
    return file


def _check(engine: Engine, source: str) -> None:
    if not engine.starts:
        msg = f"{source}: start must be given at least once"
        raise EngineFileError(msg)
    used = placeholders([list(s.argv) for s in engine.starts]) | placeholders(engine.install.command)
    used |= placeholders([s.source for s in engine.install.seeds])
    for file in engine.files:
        used |= placeholders([file.enforced, file.defaults, file.text])
    known = KNOWN_FACTS | {f"port_{name}" for name in engine.ports}
    if used - known:
        msg = f"{source}: unknown placeholder {', '.join(sorted(used - known))}"
        raise EngineFileError(msg)
    for path in (*engine.folders, *engine.archiving.skip):
        check_inside(path, source)
