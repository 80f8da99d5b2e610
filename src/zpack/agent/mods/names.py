"""What a mod's file may be called. Pure."""

from __future__ import annotations

import re

from zpack.agent.problems import Invalid

JAR = ".jar"
DISABLED = ".jar.disabled"
INSTALLABLE = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,155}\.jar")
FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f\u0080-\u009f\u2028\u2029\ud800-\udfff]")
MAX_BYTES = 240
"""Of a mod that is there already: its name and the longest ending still fit a file system's 255."""


def check_filename(value: object) -> str:
    """Return the name of a file to be installed (contract §4.7). Raises :class:`Invalid`."""
    if not isinstance(value, str) or not INSTALLABLE.fullmatch(value):
        raise Invalid(
            "filename must end with .jar, begin with no dot, and be made of letters, digits and ._+- only",
            code="invalid_filename",
        )
    return value


def check_id(value: str) -> str:
    """Return the id a path names: the file's name while it is enabled. Raises :class:`Invalid`."""
    name = value.removesuffix(".disabled") if value.endswith(DISABLED) else value
    if not is_shown(name):
        raise Invalid("a mod's id is the name of its .jar file", code="invalid_mod_id")
    return name


def is_shown(name: str) -> bool:
    """Say whether a file in the folder is a mod: whoever put it there, its name can be told and asked for."""
    if not name.endswith(JAR) or name.startswith(".") or name == JAR or FORBIDDEN.search(name):
        return False
    return len(name.encode()) <= MAX_BYTES


def id_of(filename: str) -> tuple[str, bool] | None:
    """Return a file's id and whether it is enabled, or ``None`` when it is no mod."""
    enabled = filename.endswith(JAR)
    name = filename if enabled else filename.removesuffix(".disabled")
    return (name, enabled) if is_shown(name) else None


def file_of(mod_id: str, *, enabled: bool) -> str:
    """Return the name of the file that a mod is now."""
    return mod_id if enabled else f"{mod_id}.disabled"


def spare_name(mod_id: str, number: int) -> str:
    """Return the name for the ``number``-th mod of this name that is put away."""
    return mod_id if number == 1 else f"{mod_id.removesuffix(JAR)}.{number}{JAR}"
