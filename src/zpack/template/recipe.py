"""What a container's template is made of. Pure: the list that the root is built and checked by."""

from __future__ import annotations

from dataclasses import dataclass

PACKAGES = (
    "ca-certificates",
    "ifupdown",
    "iproute2",
    "isc-dhcp-client",
    "python3-minimal",
    "python3",
    "systemd-sysv",
    "tzdata",
)
"""On top of Debian's minimal set: what Proxmox configures a network with, and what the agent runs on."""
HOME = "opt/zlh-agent"
RUNTIME = "opt/zlh"
UNIT = "etc/systemd/system/zlh-agent.service"
ENABLED = "etc/systemd/system/multi-user.target.wants/zlh-agent.service"
SETTINGS = "etc/zlh-agent/agent.env"
USER = "zlh"
USER_ID = 1500
"""The workload's user: above what Debian's packages take, below what people are given."""
EMPTIED = ("etc/machine-id",)
"""A clone that shared its template's identity would share its addresses; systemd makes a new one at boot."""
REMOVED = (
    "etc/hostname",
    "etc/resolv.conf",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/log/alternatives.log",
    "var/log/apt",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
    "var/cache/ldconfig/aux-cache",
)
"""What differs from build to build, or belongs to the machine that built it."""


@dataclass(frozen=True)
class Folder:
    """A folder of the template's own."""

    path: str
    mode: int


FOLDERS = (
    Folder(HOME, 0o700),
    Folder(f"{HOME}/releases", 0o700),
    Folder(f"{HOME}/config", 0o700),
    Folder(f"{HOME}/state", 0o700),
    Folder(RUNTIME, 0o755),
    Folder("etc/zlh-agent", 0o700),
)


def settings(artifact_base_url: str, *, update_mode: str) -> str:
    """Return the agent's environment file. Raises ``ValueError`` for an address that would break it."""
    if any(ord(character) <= ord(" ") for character in artifact_base_url):
        raise ValueError("the artifact store's address may hold neither spaces nor line breaks")
    return f"ARTIFACT_BASE_URL={artifact_base_url}\nZLH_AGENT_UPDATE_MODE={update_mode}\n"


def with_user(passwd: str, group: str, shadow: str) -> tuple[str, str, str]:
    """Return Debian's three files with the workload's user, who can log in nowhere."""
    return (
        f"{passwd}{USER}:x:{USER_ID}:{USER_ID}:the workload:/{RUNTIME}:/usr/sbin/nologin\n",
        f"{group}{USER}:x:{USER_ID}:\n",
        f"{shadow}{USER}:!:19700::::::\n",
    )
