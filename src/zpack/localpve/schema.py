"""Parameter checks with Proxmox's own words, for the calls we answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zpack.localpve.errors import bad_parameters
from zpack.localpve.formats import MISSING, mount_complaint, network_complaint, tags_complaint

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
BAD_VMID = "invalid format - value does not look like a valid VM ID\n"
NUMBER = re.compile(r"[+-]?[0-9]{1,15}")
BOOLEAN = re.compile(r"0|1|on|off|yes|no|true|false", re.IGNORECASE)
DNS_NAME = re.compile(r"(?=.{1,255}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9-]{1,63})*")
SIZE = re.compile(r"\+?\d{1,12}(\.\d{1,6})?[KMGT]?", re.ASCII)
TEXT_LIMIT = 8192
FORMATS = {"network": network_complaint, "mount": mount_complaint, "tags": tags_complaint}


@dataclass(frozen=True)
class Parameter:
    """What one parameter may be.

    ``kind`` is integer, boolean, vmid, dns-name, size, tags, network, mount or string.
    """

    kind: str = "string"
    least: int | None = None
    most: int | None = None
    required: bool = False
    one_of: tuple[str, ...] = ()


Schema = dict[str, Parameter]

CLONE: Schema = {
    "newid": Parameter("vmid", required=True),
    "hostname": Parameter("dns-name"),
    "description": Parameter(),
    "full": Parameter("boolean"),
    "storage": Parameter(),
    "pool": Parameter(),
    "snapname": Parameter(),
    "target": Parameter(),
    "bwlimit": Parameter("integer", least=0),
}
CONFIG: Schema = {
    "arch": Parameter(),
    "cores": Parameter("integer", least=1, most=8192),
    "cpulimit": Parameter(),
    "cpuunits": Parameter("integer", least=0, most=500000),
    "delete": Parameter(),
    "description": Parameter(),
    "digest": Parameter(),
    "features": Parameter(),
    "hostname": Parameter("dns-name"),
    "memory": Parameter("integer", least=16),
    "nameserver": Parameter(),
    "onboot": Parameter("boolean"),
    "protection": Parameter("boolean"),
    "searchdomain": Parameter(),
    "swap": Parameter("integer", least=0),
    "tags": Parameter("tags"),
    "unprivileged": Parameter("boolean"),
    **{f"net{n}": Parameter("network") for n in range(32)},
    **{f"mp{n}": Parameter("mount") for n in range(256)},
}
RESIZE: Schema = {
    "disk": Parameter(required=True),
    "size": Parameter("size", required=True),
    "digest": Parameter(),
}
START: Schema = {"skiplock": Parameter("boolean"), "debug": Parameter("boolean")}
STOP: Schema = {"skiplock": Parameter("boolean"), "overrule-shutdown": Parameter("boolean")}
SHUTDOWN: Schema = {"timeout": Parameter("integer", least=0), "forceStop": Parameter("boolean")}
REBOOT: Schema = {"timeout": Parameter("integer", least=0)}
DELETE: Schema = {
    "force": Parameter("boolean"),
    "purge": Parameter("boolean"),
    "destroy-unreferenced-disks": Parameter("boolean"),
}
NEXTID: Schema = {"vmid": Parameter("vmid")}
RESOURCES: Schema = {"type": Parameter(one_of=("vm", "storage", "node", "sdn"))}
TASKS: Schema = {
    "vmid": Parameter("vmid"),
    "since": Parameter("integer"),
    "until": Parameter("integer"),
    "start": Parameter("integer", least=0),
    "limit": Parameter("integer", least=0),
    "errors": Parameter("boolean"),
    "source": Parameter(),
    "typefilter": Parameter(),
    "userfilter": Parameter(),
    "statusfilter": Parameter(),
}
RRD: Schema = {
    "timeframe": Parameter(one_of=("hour", "day", "week", "month", "year"), required=True),
    "cf": Parameter(one_of=("AVERAGE", "MAX")),
}
LOG: Schema = {
    "start": Parameter("integer", least=0),
    "limit": Parameter("integer", least=0),
    "download": Parameter("boolean"),
}
NONE: Schema = {}


def check(given: Mapping[str, str], schema: Schema) -> dict[str, str]:
    """Return the parameters. Raises Proxmox's 400 with a text for each that is wrong."""
    errors: dict[str, str] = {}
    for name, value in given.items():
        parameter = schema.get(name)
        complaint = UNKNOWN if parameter is None else _complaint(name, value, parameter)
        if complaint:
            errors[name] = complaint
    for name, parameter in schema.items():
        if parameter.required and name not in given:
            errors[name] = MISSING
    if errors:
        raise bad_parameters(errors)
    return dict(given)


def checked_vmid(text: str) -> int:
    """Return a VMID of a path. Raises Proxmox's 400."""
    if not re.fullmatch(r"[1-9][0-9]{2,8}", text):
        raise bad_parameters({"vmid": BAD_VMID})
    return int(text)


def is_true(text: str | None) -> bool:
    """Read Proxmox's boolean."""
    return (text or "0").lower() in {"1", "on", "yes", "true"}


def _complaint(name: str, value: str, parameter: Parameter) -> str | None:
    if len(value) > TEXT_LIMIT or "\x00" in value:
        return f"value may only be {TEXT_LIMIT} characters long"
    if parameter.kind in {"integer", "vmid"}:
        return _number_complaint(value, parameter)
    if parameter.kind in FORMATS:
        return FORMATS[parameter.kind](name, value)
    if parameter.one_of and value not in parameter.one_of:
        known = ", ".join(parameter.one_of)
        return f"value '{value}' does not have a value in the enumeration '{known}'"
    return _pattern_complaint(value, parameter.kind)


def _pattern_complaint(value: str, kind: str) -> str | None:
    if kind == "boolean" and not BOOLEAN.fullmatch(value):
        return f"type check ('boolean') failed - got '{value}'"
    if kind == "dns-name" and not DNS_NAME.fullmatch(value):
        return "invalid format - value does not look like a valid DNS name\n"
    if kind == "size" and not SIZE.fullmatch(value):
        return "value does not match the regex pattern"
    return None


def _number_complaint(value: str, parameter: Parameter) -> str | None:
    if not NUMBER.fullmatch(value):
        return f"type check ('integer') failed - got '{value}'"
    number = int(value)
    if parameter.kind == "vmid" and not re.fullmatch(r"[1-9][0-9]{2,8}", value):
        return BAD_VMID
    if parameter.least is not None and number < parameter.least:
        return f"value must have a minimum value of {parameter.least}"
    if parameter.most is not None and number > parameter.most:
        return f"value must have a maximum value of {parameter.most}"
    return None
