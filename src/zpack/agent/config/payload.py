"""Checks ``POST /config``. Pure; nothing in a payload is believed before it passed here."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zpack.agent.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
WORLD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}[A-Za-z0-9_-]|[A-Za-z0-9]")
SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}")
TOKEN = re.compile(r"[\x21-\x7e]{16,512}")
PLAIN = re.compile(r"[^\x00-\x1f\x7f]{0,128}")
MAX_PATH = 512
MAX_PORTS = 16
MAX_MEMORY = 4 * 1024 * 1024
CODE_SERVER = "codeserver"
ADDONS = frozenset({CODE_SERVER})
SECRETS = frozenset({"agent_token", "admin_pass"})


@dataclass(frozen=True)
class Payload:
    """A checked game payload (contract §5.4)."""

    vmid: int
    game: str
    variant: str
    version: str
    world: str
    ports: tuple[int, ...]
    artifact_path: str
    java_path: str
    memory_mb: int
    disk_mb: int = 0
    """What the server's folder may hold; 0: as much as the disk."""
    admin_user: str = ""
    admin_pass: str = ""
    agent_token: str = ""

    def as_json(self) -> dict[str, Any]:
        """The payload on the wire and on disk, without the token (which has a file of its own)."""
        fields: dict[str, Any] = {"vmid": self.vmid, "container_type": "game"}
        names = ("game", "variant", "version", "world")
        fields |= {name: getattr(self, name) for name in names}
        fields |= {"ports": list(self.ports), "artifact_path": self.artifact_path}
        fields |= {"java_path": self.java_path, "memory_mb": self.memory_mb}
        return fields | {n: v for n in ("disk_mb", "admin_user", "admin_pass") if (v := getattr(self, n))}

    def digest(self) -> str:
        """Return what tells two payloads apart, and none of their secrets."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def shown(self) -> dict[str, Any]:
        """The payload without its secrets, as ``/status`` shows it."""
        return {name: value for name, value in self.as_json().items() if name not in SECRETS}


@dataclass(frozen=True)
class DevPayload:
    """A checked dev payload (contract §5.4)."""

    vmid: int
    runtime: str
    version: str
    memory_mb: int = 0
    """0 when it was not said."""
    artifact_path: str = ""
    enable_code_server: bool = False
    addons: tuple[str, ...] = ()
    agent_token: str = ""

    @property
    def wants_code_server(self) -> bool:
        """Whether provisioning must leave the IDE running."""
        return self.enable_code_server or CODE_SERVER in self.addons

    def as_json(self) -> dict[str, Any]:
        """The payload on the wire and on disk, without the token."""
        fields: dict[str, Any] = {"vmid": self.vmid, "container_type": "dev"}
        fields |= {"runtime": self.runtime, "version": self.version}
        fields |= {name: value for name in ("memory_mb", "artifact_path") if (value := getattr(self, name))}
        return fields | {"enable_code_server": self.enable_code_server, "addons": list(self.addons)}

    def digest(self) -> str:
        """Return what tells two payloads apart."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def shown(self) -> dict[str, Any]:
        """The payload as ``/status`` shows it; it has no secrets."""
        return self.as_json()


def parse_payload(body: Any, *, reserved_port: int = 0) -> Payload | DevPayload:
    """Check a decoded body; ``reserved_port`` is the agent's own. Raises :class:`Invalid`."""
    if not isinstance(body, dict):
        raise Invalid("the payload must be a JSON object", code="invalid_payload")
    fields: Mapping[str, Any] = body
    kind = fields.get("container_type")
    if kind == "dev":
        return _dev_payload(fields)
    if kind != "game":
        shown = repr(kind)[:40] if isinstance(kind, str) else "nothing usable"
        msg = f"container_type must be 'game' or 'dev' for this agent, got {shown}"
        raise Invalid(msg, code="unsupported")
    return Payload(
        vmid=_integer(fields, "vmid", low=1, high=999_999_999),
        game=_matching(fields, "game", NAME),
        variant=_matching(fields, "variant", NAME),
        version=_matching(fields, "version", VERSION),
        world=_matching(fields, "world", WORLD, default="world"),
        ports=_ports(fields, reserved_port),
        artifact_path=relative_path(fields, "artifact_path"),
        java_path=relative_path(fields, "java_path") if fields.get("java_path") else "",
        memory_mb=_integer(fields, "memory_mb", low=64, high=MAX_MEMORY),
        disk_mb=_integer(fields, "disk_mb", low=0, high=1024**3) if "disk_mb" in fields else 0,
        admin_user=_matching(fields, "admin_user", PLAIN, default=""),
        admin_pass=_matching(fields, "admin_pass", PLAIN, default=""),
        agent_token=_token(fields),
    )


def _dev_payload(fields: Mapping[str, Any]) -> DevPayload:
    wanted = fields.get("enable_code_server", False)
    if not isinstance(wanted, bool):
        raise _invalid("enable_code_server", "must be true or false")
    given = fields.get("memory_mb") is not None
    return DevPayload(
        vmid=_integer(fields, "vmid", low=1, high=999_999_999),
        runtime=_matching(fields, "runtime", NAME),
        version=_matching(fields, "version", VERSION),
        memory_mb=_integer(fields, "memory_mb", low=64, high=MAX_MEMORY) if given else 0,
        artifact_path=relative_path(fields, "artifact_path") if fields.get("artifact_path") else "",
        enable_code_server=wanted,
        addons=_addons(fields),
        agent_token=_token(fields),
    )


def _addons(fields: Mapping[str, Any]) -> tuple[str, ...]:
    value = fields.get("addons", [])
    if not isinstance(value, list) or not all(isinstance(name, str) and name in ADDONS for name in value):
        raise _invalid("addons", f"must be a list of {', '.join(sorted(ADDONS))}")
    names: list[str] = value
    return tuple(dict.fromkeys(names))


def relative_path(fields: Mapping[str, Any], name: str) -> str:
    """Check a path below the artifact base: plain segments only. Raises :class:`Invalid`."""
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > MAX_PATH:
        raise _invalid(name, "must be a relative path")
    if not all(SEGMENT.fullmatch(part) and ".." not in part for part in value.split("/")):
        raise _invalid(name, "must be a relative path of plain segments")
    return value


def _matching(
    fields: Mapping[str, Any], name: str, pattern: re.Pattern[str], default: str | None = None
) -> str:
    value = fields.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not pattern.fullmatch(value) or (".." in value and pattern is not PLAIN):
        raise _invalid(name, "is missing or has characters that are not allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _invalid(name, "is not valid text") from None
    return value


def _integer(fields: Mapping[str, Any], name: str, *, low: int, high: int) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _invalid(name, f"must be a whole number from {low} to {high}")
    return value


def _ports(fields: Mapping[str, Any], reserved: int) -> tuple[int, ...]:
    value = fields.get("ports")
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_PORTS:
        raise _invalid("ports", f"must be a list of 1 to {MAX_PORTS} port numbers")
    ports: list[Any] = value
    if not all(isinstance(p, int) and not isinstance(p, bool) and 1 <= p <= 65535 for p in ports):  # noqa: PLR2004 - TCP's last port
        raise _invalid("ports", "must be numbers from 1 to 65535")
    if len(set(ports)) != len(ports) or reserved in ports:
        raise _invalid("ports", "must differ from one another and from the agent's own port")
    return tuple(ports)


def _token(fields: Mapping[str, Any]) -> str:
    value = fields.get("agent_token")
    if value is None:
        return ""
    if not isinstance(value, str) or not TOKEN.fullmatch(value):
        raise _invalid("agent_token", "must be 16 to 512 printable characters without spaces")
    return value


def _invalid(name: str, what: str) -> Invalid:
    return Invalid(f"{name} {what}", code="invalid_payload")
