"""What may be changed in a container's configuration, and what a new one begins with. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zpack.localpve.errors import ApiError, bad_parameters
from zpack.localpve.schema import CONFIG, is_true

NOT_SETTINGS = {"delete", "digest"}
REQUIRED = {"memory", "rootfs", "ostype"}
NEW_DISK = re.compile(r"([^:\s]+):([0-9]{1,6})(,.*)?")


@dataclass(frozen=True)
class Change:
    """Settings to write and to forget."""

    set: dict[str, str]
    delete: frozenset[str]


def new_config(given: dict[str, str]) -> dict[str, str]:
    """Return a clone's first configuration. Raises ApiError for a clone that Proxmox refuses."""
    if given.get("snapname"):
        raise ApiError(500, f"snapshot '{given['snapname']}' does not exist")
    if given.get("storage") and not is_true(given.get("full")):
        raise ApiError(500, "parameter 'storage' not allowed for linked clones")
    newid = given["newid"]
    config = {"hostname": given.get("hostname") or f"CT{newid}", "memory": "512", "swap": "512"}
    config["rootfs"] = f"{given.get('storage') or 'local'}:{newid},size=8G"
    return config | ({"description": given["description"]} if given.get("description") else {})


def checked_change(given: dict[str, str], *, digest: str) -> Change:
    """Return what ``PUT …/config`` asks for. Raises ApiError in Proxmox's words."""
    if not given.keys() - {"digest"}:
        raise ApiError(500, "no options specified")
    if given.get("digest") and given["digest"] != digest:
        raise ApiError(500, "detected modified configuration - file changed by other user? Try again.")
    settings = {key: text for key, text in given.items() if key not in NOT_SETTINGS}
    delete = frozenset(word for word in re.split(r"[,;\s\0]+", given.get("delete", "")) if word)
    for key in sorted(delete):
        if key not in CONFIG.keys() - NOT_SETTINGS | REQUIRED:
            raise bad_parameters({"delete": f"unknown option '{key}'"})
        if key in settings:
            raise bad_parameters({"delete": f"you can't use '-{key}' and -delete {key}' at the same time"})
        if key in REQUIRED:
            raise ApiError(500, f"unable to delete required option '{key}'")
        if key == "unprivileged":
            raise ApiError(500, "unable to delete read-only option: 'unprivileged'")
    return Change(settings, delete)


def volume(vmid: int, key: str, text: str) -> str:
    """Return a mount point as it is kept: ``local:8`` becomes a volume of 8 GiB with a name."""
    match = NEW_DISK.fullmatch(text.removeprefix("volume="))
    if not key.startswith("mp") or match is None:
        return text
    storage, size, rest = match.groups()
    return f"{storage}:vm-{vmid}-disk-{int(key[2:]) + 1}{rest or ''},size={size}G"
