"""What the API and the agent say to each other (contract §4).

TypedDicts only: the agent runs in customers' containers and pays for no validation library. The API
treats every answer as hostile and parses it itself.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

AGENT_PORT = 18888
CODE_SERVER_PORT = 6000

AgentState = Literal["idle", "installing", "starting", "running", "stopping", "crashed", "error"]


UpdateMode = Literal["off", "notify", "auto"]
UpdateState = Literal["idle", "checking", "downloading", "installing", "waiting", "restarting"]


class GamePayload(TypedDict):
    """``POST /config`` for a game container (contract §5.4)."""

    vmid: int
    container_type: Literal["game"]
    game: str
    variant: str
    version: str
    world: str
    ports: list[int]
    artifact_path: str
    java_path: str
    memory_mb: int
    disk_mb: NotRequired[int]
    """What the server's folder may hold in MiB, enforced while files are written; 0 or missing: no limit."""
    admin_user: NotRequired[str]
    admin_pass: NotRequired[str]
    agent_token: NotRequired[str]
    """Bearer that every later call must carry; delivered once, with the first ``/config``."""


class DevPayload(TypedDict):
    """``POST /config`` for a dev container (contract §5.4)."""

    vmid: int
    container_type: Literal["dev"]
    runtime: str
    version: str
    memory_mb: NotRequired[int]
    artifact_path: NotRequired[str]
    """Where the runtime's archive is, when it is not where the catalog's layout says."""
    enable_code_server: NotRequired[bool]
    addons: NotRequired[list[str]]
    """``codeserver`` asks for the same as ``enable_code_server``."""
    agent_token: NotRequired[str]


class Ready(TypedDict):
    """``GET /ready``: 200 with ``ready: true``, 503 with ``ready: false`` and ``readyError``."""

    ready: bool
    readySource: NotRequired[str]
    readyError: NotRequired[str]
    lastReadyAt: NotRequired[str]


class AgentStatus(TypedDict):
    """``GET /status`` (contract §4.1)."""

    state: AgentState
    processRunning: bool | None
    """``None`` in a dev container that asked for no IDE: nothing is there that could run."""
    ready: bool
    readySource: str | None
    readyError: str | None
    lastReadyAt: str | None
    installStep: str | None
    crashCount: int
    lastCrashTime: str | None
    lastCrashExitCode: int | None
    lastCrashSignal: int | None
    lastCrashUptimeSeconds: int | None
    lastCrashLogTail: list[str]
    lastCrashClassification: str | None
    """``oom | mod_or_plugin_error | missing_dependency | nonzero_exit | unexpected_exit`` (contract §4.3)."""
    error: str | None
    config: dict[str, Any] | None
    """The saved payload without its secrets."""
    timestamp: int
    operationInProgress: bool
    operationType: str | None
    operationStartedAt: str | None
    operationMessage: str | None
    maintenance: bool


class DevStatus(AgentStatus):
    """``GET /status`` of a dev container; its crashes are code-server's."""

    provisioningComplete: bool
    provisioningError: str | None
    provisioningErrorCode: str | None
    """``invalid_catalog | unknown_runtime | unknown_version | invalid_workspace | install_failed |
    codeserver_failed``"""
    codeServerRequested: bool
    codeServerInstalled: bool
    codeServerRunning: bool
    codeServerVersion: str | None


class CodeServerStatus(TypedDict):
    """``GET /dev/codeserver``."""

    installed: bool
    running: bool
    ready: bool
    """Whether ``/healthz`` answered lately."""
    state: AgentState
    version: str | None
    port: int
    error: str | None


class UpdateStatus(TypedDict):
    """``GET /agent/update/status`` (contract §4.9)."""

    mode: UpdateMode
    state: UpdateState
    currentVersion: str
    latestVersion: str | None
    updateAvailable: bool
    previousVersion: str | None
    """The release that would be gone back to."""
    failedVersion: str | None
    """The release that was taken back last; ``error`` says why."""
    lastCheckedAt: str | None
    error: str | None


class Players(TypedDict):
    """``GET /game/players``."""

    online: int
    max: int
    players: list[str]
    motd: str
    """The message of the day as plain text."""


class ConsoleLine(TypedDict):
    """One line of the console ring; ``seq`` grows by one and never repeats while the agent lives."""

    seq: int
    line: str


class ConsoleLog(TypedDict):
    """``GET /console/log?after=<seq>&wait=<seconds>``: lines newer than ``after``, a long poll."""

    lines: list[ConsoleLine]
    next: int
    """Pass this as ``after`` next time."""
    lost: bool
    """True when lines after ``after`` had already left the ring."""


FileChange = Literal["write", "delete", "move"]
FolderChange = Literal["upload", "new"]


class FileEntry(TypedDict):
    """One file or folder, as ``GET /game/files/list`` names it; links and devices are not listed."""

    name: str
    path: str
    type: Literal["file", "dir"]
    size: int
    modified: str
    allowed: list[FileChange]
    """What the agent's policy lets a customer do with it; no promise that it works."""
    source: NotRequired[Literal["user"]]


class FileListing(TypedDict):
    """``GET /game/files/list?path=``."""

    path: str
    entries: list[FileEntry]
    truncated: bool
    """True when the folder holds more than is listed."""
    unnamed: int
    """How many files there are besides whose names no path can say."""
    takes: list[FolderChange]
    """What may be put into the folder."""


class FileFacts(TypedDict):
    """``GET /game/files/stat?path=``, and the answer to whatever changed a file."""

    path: str
    type: Literal["file", "dir"]
    size: int
    modified: str
    source: Literal["user"] | None
    hasShadow: bool
    etag: str
    """Names this version of it, for ``If-Match``."""
    allowed: list[FileChange]


class FileText(TypedDict):
    """``GET /game/files/read?path=``: UTF-8 text only."""

    path: str
    content: str
    size: int
    modified: str
    etag: str


class FileDeleted(TypedDict):
    """``DELETE /game/files?path=``."""

    deleted: Literal[True]
    path: str
