"""The agent's settings: read once from the environment; a bad value stops the start with one clear line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zpack.agent.mods.origins import DEFAULT_HOSTS, Origin, parse_origins
from zpack.wire.agent import AGENT_PORT, CODE_SERVER_PORT, UpdateMode

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 1024 * 1024
UPDATE_MODES: tuple[UpdateMode, ...] = ("off", "notify", "auto")
INTERVAL = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(s|m|h|d)")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WILDCARDS = frozenset({"0.0.0.0", "::", ""})


class SettingsError(Exception):
    """An environment variable cannot be used; the text names it."""


@dataclass(frozen=True)
class Address:
    """Where the agent listens, and where its game does: guests may share one network namespace."""

    host: str
    port: int

    @property
    def bind_ip(self) -> str:
        """The address that the game binds to."""
        return "0.0.0.0" if self.host in WILDCARDS else self.host

    @property
    def probe_host(self) -> str:
        """The address at which the agent reaches its own game."""
        return "127.0.0.1" if self.host in WILDCARDS else self.host


@dataclass(frozen=True)
class Folders:
    """Where things are. ``home`` is the agent's own; ``runtime_root`` holds the workload."""

    home: Path
    runtime_root: Path
    node_dir: Path | None
    java_dir: Path | None
    games_dir: Path | None
    """More engine files, beside those that come with the agent."""


@dataclass(frozen=True)
class Store:
    """The artifact store, and what one installation may take from it."""

    base_url: str
    max_download_bytes: int
    max_unpacked_bytes: int
    install_seconds: float


@dataclass(frozen=True)
class Supervision:
    """When the workload is restarted, given up, called ready and killed."""

    backoff_seconds: tuple[float, ...]
    stable_seconds: float
    """A run at least this long starts the back-off from its beginning."""
    ready_seconds: float | None
    """How long a start may take; ``None``: as the engine's file says."""
    stop_seconds: float
    ping_seconds: float
    """Pause between two status pings of a running server."""


@dataclass(frozen=True)
class FileSettings:
    """How much a customer may store, and how long bytes may take on their way."""

    quota_mib: int | None
    """``None``: what the payload says, or the disk."""
    transfer_seconds: float
    idle_seconds: float


@dataclass(frozen=True)
class Confinement:
    """What the workload is held to."""

    user: str | None
    """Its own user; ``None``: the template's, where there is one."""
    processes: int


@dataclass(frozen=True)
class Dev:
    """What a dev container has beside its runtime."""

    home: Path
    """The developer's home folder; the workspace is inside."""
    user: str
    """Who works there: the agent, when it is root and there is such an account, lends the IDE this one."""
    code_server_port: int
    code_server_seconds: float
    """How long the IDE may take until it answers."""


@dataclass(frozen=True)
class Keeping:
    """How many backups are kept, and what one may take."""

    keep: int
    keep_checkpoints: int
    max_bytes: int
    """Content of one backup."""
    min_free_bytes: int
    """What must stay free on the disk."""
    seconds: float


@dataclass(frozen=True)
class ModRules:
    """Where mods may come from, and what one of them may cost."""

    origins: tuple[Origin, ...]
    ca_file: Path | None
    """Certificates to trust beside the system's: a mirror's own."""
    max_bytes: int
    seconds: float


@dataclass(frozen=True)
class Updating:
    """Whether and how often the agent looks for a newer release of itself."""

    mode: UpdateMode
    interval_seconds: float
    start: str | None
    """The script that started this release and would start another; ``None``: there are no releases."""


@dataclass(frozen=True)
class Settings:
    """All groups; each part of the agent is given only its own."""

    address: Address
    folders: Folders
    store: Store
    supervision: Supervision
    files: FileSettings
    confinement: Confinement
    keeping: Keeping
    mods: ModRules
    dev: Dev
    updating: Updating
    token: str | None
    keep_workload: bool
    """Whether the workload goes on when the agent dies, for its successor to find."""
    leave_workload: bool
    """Whether it goes on when the agent is asked to end, too: systemd asks so for a mere restart."""
    shell_seconds: float
    """How long a dev container's shell waits for somebody to look again."""


class _Reader:
    """Takes typed values out of the environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def text(self, name: str, default: str) -> str:
        return self._env.get(name, "").strip() or default

    def path(self, name: str) -> Path | None:
        value = self.text(name, "")
        return Path(value) if value else None

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        raw = self.text(name, str(default))
        try:
            value = float(raw)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            msg = f"{name} must be a number from {low:g} to {high:g}, not {raw!r}"
            raise SettingsError(msg)
        return value

    def numbers(self, name: str, default: str) -> tuple[float, ...]:
        raw = self.text(name, default)
        try:
            values = tuple(float(part) for part in raw.split(","))
        except ValueError:
            values = (-1.0,)
        if not all(0 <= value <= 86400 for value in values):  # noqa: PLR2004 - a day
            msg = f"{name} must be seconds separated by commas, not {raw!r}"
            raise SettingsError(msg)
        return values


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the settings. Raises :class:`SettingsError`."""
    reader = _Reader(env)
    token = reader.text("ZLH_AGENT_TOKEN", "") or None
    port = int(reader.number("ZLH_AGENT_PORT", AGENT_PORT, low=0, high=65535))
    return Settings(
        address=Address(reader.text("ZLH_AGENT_HOST", "0.0.0.0"), port),
        folders=Folders(
            home=Path(reader.text("ZLH_AGENT_HOME", "/opt/zlh-agent")).absolute(),
            runtime_root=Path(reader.text("ZLH_RUNTIME_ROOT", "/opt/zlh")).absolute(),
            node_dir=reader.path("ZPACK_NODE_DIR"),
            java_dir=reader.path("ZPACK_JAVA_DIR"),
            games_dir=reader.path("ZLH_AGENT_GAMES_DIR"),
        ),
        store=_store(reader),
        supervision=_supervision(reader),
        files=FileSettings(
            quota_mib=int(reader.number("ZLH_AGENT_DISK_QUOTA_MIB", 0, low=0, high=1e9)) or None,
            transfer_seconds=reader.number("ZLH_AGENT_TRANSFER_SECONDS", 300, low=0.1, high=86400),
            idle_seconds=reader.number("ZLH_AGENT_TRANSFER_IDLE_SECONDS", 30, low=0.1, high=3600),
        ),
        confinement=Confinement(
            user=reader.text("ZLH_WORKLOAD_USER", "") or None,
            processes=int(reader.number("ZLH_WORKLOAD_PROCESSES", 1024, low=1, high=4_194_304)),
        ),
        keeping=_keeping(reader),
        mods=_mods(reader),
        dev=_dev(reader, agent_port=port),
        updating=_updating(reader),
        token=token,
        shell_seconds=reader.number("ZLH_AGENT_SHELL_SECONDS", 60, low=0, high=86400),
        keep_workload=reader.text("ZLH_AGENT_KEEP_WORKLOAD", "1") != "0",
        leave_workload=reader.text("ZLH_AGENT_LEAVE_WORKLOAD", "0") == "1",
    )


def _store(reader: _Reader) -> Store:
    base_url = reader.text("ARTIFACT_BASE_URL", "").rstrip("/")
    if base_url and (urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname):
        msg = f"ARTIFACT_BASE_URL must be an http or https address, not {base_url!r}"
        raise SettingsError(msg)
    return Store(
        base_url=base_url,
        max_download_bytes=int(reader.number("ZLH_AGENT_MAX_DOWNLOAD_MIB", 2048, low=1, high=1e6) * MIB),
        max_unpacked_bytes=int(reader.number("ZLH_AGENT_MAX_UNPACKED_MIB", 8192, low=1, high=1e7) * MIB),
        install_seconds=reader.number("ZLH_AGENT_INSTALL_SECONDS", 1800, low=1, high=86400),
    )


def _mods(reader: _Reader) -> ModRules:
    hosts = reader.text("ZLH_AGENT_MOD_HOSTS", DEFAULT_HOSTS)
    try:
        origins = parse_origins(hosts)
    except ValueError as error:
        msg = f"ZLH_AGENT_MOD_HOSTS has {error}, neither a host's name nor an origin (http only of loopback)"
        raise SettingsError(msg) from None
    ca_file = reader.path("ZLH_AGENT_MOD_CA_FILE")
    if ca_file is not None and not ca_file.is_file():
        msg = f"ZLH_AGENT_MOD_CA_FILE names no file: {ca_file}"
        raise SettingsError(msg)
    return ModRules(
        origins=origins,
        ca_file=ca_file,
        max_bytes=int(reader.number("ZLH_AGENT_MAX_MOD_MIB", 200, low=0.001, high=1e5) * MIB),
        seconds=reader.number("ZLH_AGENT_MOD_SECONDS", 300, low=0.1, high=3600),
    )


def _updating(reader: _Reader) -> Updating:
    mode = reader.text("ZLH_AGENT_UPDATE_MODE", "off")
    if mode not in UPDATE_MODES:
        msg = f"ZLH_AGENT_UPDATE_MODE must be one of {', '.join(UPDATE_MODES)}, not {mode!r}"
        raise SettingsError(msg)
    raw = reader.text("ZLH_AGENT_UPDATE_INTERVAL", "30m")
    found = INTERVAL.fullmatch(raw)
    seconds = float(found[1]) * UNITS[found[2]] if found else 0
    if not 1 <= seconds <= 30 * UNITS["d"]:
        msg = f"ZLH_AGENT_UPDATE_INTERVAL must be like 90s, 30m, 6h or 1d, not {raw!r}"
        raise SettingsError(msg)
    return Updating(mode=mode, interval_seconds=seconds, start=reader.text("ZLH_AGENT_START", "") or None)


def _supervision(reader: _Reader) -> Supervision:
    ready = reader.number("ZLH_AGENT_READY_SECONDS", 0, low=0, high=86400)
    return Supervision(
        backoff_seconds=reader.numbers("ZLH_AGENT_BACKOFF_SECONDS", "30,60,120"),
        stable_seconds=reader.number("ZLH_AGENT_STABLE_SECONDS", 30, low=0, high=86400),
        ready_seconds=ready or None,
        stop_seconds=reader.number("ZLH_AGENT_STOP_SECONDS", 20, low=0.1, high=600),
        ping_seconds=reader.number("ZLH_AGENT_PING_SECONDS", 10, low=0.05, high=3600),
    )


def _keeping(reader: _Reader) -> Keeping:
    return Keeping(
        keep=int(reader.number("ZLH_AGENT_BACKUP_KEEP", 5, low=1, high=1000)),
        keep_checkpoints=int(reader.number("ZLH_AGENT_BACKUP_KEEP_CHECKPOINTS", 3, low=1, high=1000)),
        max_bytes=int(reader.number("ZLH_AGENT_BACKUP_MAX_MIB", 65536, low=0.01, high=1e8) * MIB),
        min_free_bytes=int(reader.number("ZLH_AGENT_BACKUP_MIN_FREE_MIB", 256, low=0, high=1e8) * MIB),
        seconds=reader.number("ZLH_AGENT_BACKUP_SECONDS", 3600, low=0.001, high=86400),
    )


def _dev(reader: _Reader, *, agent_port: int) -> Dev:
    port = int(reader.number("ZLH_CODE_SERVER_PORT", CODE_SERVER_PORT, low=1, high=65535))
    if port == agent_port:
        msg = f"ZLH_CODE_SERVER_PORT must not be the port of the agent itself, {port}"
        raise SettingsError(msg)
    return Dev(
        home=Path(reader.text("ZLH_DEV_HOME", "/home/dev")).absolute(),
        user=reader.text("ZLH_DEV_USER", "dev"),
        code_server_port=port,
        code_server_seconds=reader.number("ZLH_CODE_SERVER_SECONDS", 60, low=0.1, high=3600),
    )
