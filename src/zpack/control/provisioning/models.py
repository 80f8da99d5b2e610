"""The create request, and the tables behind the agent's payload: pure (contract §5.1, §5.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, Field, StringConstraints

from zpack.control.accounts.models import Body
from zpack.control.publishing.models import MINECRAFT_PORT, PORT_MAX, is_minecraft, service_of
from zpack.control.routing.models import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zpack.control.instances.models import ContainerType

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
World = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,31}$")]
ArtifactPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+/-]{0,254}$")]
MIB = 1024 * 1024

ARTIFACTS = {
    "vanilla": "server.jar",
    "paper": "server.jar",
    "purpur": "server.jar",
    "fabric": "fabric-server.jar",
    "forge": "forge-installer.jar",
    "neoforge": "neoforge-installer.jar",
    "flying-squid": "server.tar.gz",
}
OTHERS = {"luanti": "server.tar.gz"}
JAVA_FREE = frozenset({"flying-squid"})
JAVA: tuple[tuple[tuple[int, ...], int], ...] = (
    ((26,), 25),
    ((1, 20, 5), 21),
    ((1, 18), 17),
    ((1, 17), 16),
    ((0,), 8),
)
"""The first row whose version is not newer than the game's says which Java it needs."""


class CreateBody(Body):
    """``POST /api/instances``. ``memoryMiB`` is MiB, ``cpuCores`` a count."""

    container_type: str = Field(
        default="game", validation_alias=AliasChoices("container_type", "containerType", "ctype")
    )
    game: Word | None = None
    variant: Word | None = None
    version: Word | None = None
    world: World = "world"
    runtime: Word | None = None
    enable_code_server: bool = Field(
        default=False, validation_alias=AliasChoices("enable_code_server", "enableCodeServer")
    )
    addons: Annotated[list[Literal["codeserver"]], Field(max_length=8)] = Field(default_factory=list)
    display_name: str | None = Field(default=None, validation_alias="displayName")
    memory: int = Field(
        default=2048, ge=256, le=262144, validation_alias=AliasChoices("memoryMiB", "memory_mib")
    )
    cores: int = Field(default=2, ge=1, le=64, validation_alias=AliasChoices("cpuCores", "cpu_cores"))
    portsNeeded: int = Field(default=0, ge=0, le=16)  # noqa: N815 - the contract's spelling
    artifact_path: ArtifactPath | None = Field(
        default=None, validation_alias=AliasChoices("artifactPath", "artifact_path")
    )
    java_path: ArtifactPath | None = Field(
        default=None, validation_alias=AliasChoices("javaPath", "java_path")
    )

    @property
    def wants_code_server(self) -> bool:
        """Whether the browser IDE is part of the container (contract §4.10)."""
        return self.enable_code_server or "codeserver" in self.addons


def artifact_path(game: str, variant: str, version: str) -> str | None:
    """Return where the artifact store keeps a variant's server, or None when no table says."""
    name = ARTIFACTS.get(variant) if game == "minecraft" else OTHERS.get(game)
    return f"{game}/{variant}/{version}/{name}" if name else None


def java_path(game: str, variant: str, version: str) -> str:
    """Return the Java archive a version needs; empty for engines that need none."""
    if game != "minecraft" or variant in JAVA_FREE:
        return ""
    number = java_version(version)
    return f"java/{number}/OpenJDK{number}.tar.gz"


def java_version(version: str) -> int:
    """Return the Java release Minecraft ``version`` needs; an unreadable version gets the newest."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if not numbers:
        return JAVA[0][1]
    return next(java for first, java in JAVA if numbers >= first)


def ports_inside(game: str, needed: int) -> tuple[Wanted, ...]:
    """Return the ports a game listens on: its usual one, and those after it when it needs several.

    Minecraft servers are reached by name, through the proxy; they have no port of their own outside.
    """
    if is_minecraft(game):
        return ()
    service = service_of(game)
    last = min(service.port + max(1, needed), PORT_MAX + 1)
    return tuple(Wanted(service.protocol, port, port) for port in range(service.port, last))


def ctype_of(wanted: Mapping[str, Any]) -> ContainerType:
    """Return what a request asks for; those of before dev containers do not say."""
    return "dev" if wanted.get("container_type") == "dev" else "game"


def agent_payload(state: dict[str, Any], *, disk_bytes: Any = None) -> dict[str, Any]:
    """Return the payload for ``POST /config`` (contract §5.4) from an operation's state.

    ``disk_bytes`` is what Proxmox says of the container's disk.
    """
    wanted = state["request"]
    if ctype_of(wanted) == "dev":
        return _dev_payload(state["vmid"], wanted)
    return disk_mb_of(disk_bytes) | {
        "vmid": state["vmid"],
        "container_type": "game",
        "game": wanted["game"],
        "variant": wanted["variant"],
        "version": wanted["version"],
        "world": wanted["world"],
        "ports": targets_of(wanted),
        "artifact_path": wanted["artifact_path"],
        "java_path": wanted["java_path"],
        "memory_mb": wanted["memory"],
    }


def disk_mb_of(disk_bytes: Any) -> dict[str, int]:
    """Return ``{disk_mb}`` of what Proxmox says, or nothing when it does not know."""
    known = isinstance(disk_bytes, int) and disk_bytes >= MIB
    return {"disk_mb": disk_bytes // MIB} if known else {}


def targets_of(wanted: Mapping[str, Any]) -> list[int]:
    """Return the ports inside the container."""
    inside = ports_inside(wanted["game"], wanted.get("ports_needed", 0))
    return [one.target for one in inside] or [MINECRAFT_PORT]


def _dev_payload(vmid: int, wanted: dict[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {"vmid": vmid, "container_type": "dev"}
    payload |= {"runtime": wanted["runtime"], "version": wanted["version"], "memory_mb": wanted["memory"]}
    said = ("artifact_path", "enable_code_server", "addons")
    return payload | {name: wanted[name] for name in said if wanted.get(name)}
