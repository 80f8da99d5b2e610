"""Reads the text of a path below a customer's folder. Pure: what the names stand for is the kernel's to say.

Nothing is cleaned, joined or compared with the root: a text that needs cleaning is refused.
"""

from __future__ import annotations

import unicodedata

from zpack.agent.problems import Refusal

MAX_PATH = 1024
MAX_NAME = 255
MAX_NAMES = 64
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
UNDECODED = "\ufffd"
"""What a decoder writes where there was no text."""
MISLEADING = frozenset(
    "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Marks that cannot be seen, or turn the direction of text around."""


class OutsideRoot(Refusal):
    """The path leads, or would lead, out of the folder; or it is nothing that can be a path."""

    kind = "forbidden"
    code = "path_rejected"


class Missing(Refusal):
    """Nothing is there."""

    kind = "not_found"
    code = "not_found"


class Exists(Refusal):
    """Something is there already."""

    kind = "conflict"
    code = "exists"


class NotAFile(Refusal):
    """It is a folder, a link, a pipe or a device where a regular file is meant."""

    code = "not_a_file"


class NotAFolder(Refusal):
    """It is no folder where one is meant."""

    code = "not_a_folder"


class Denied(Refusal):
    """The operating system does not let the agent."""

    kind = "forbidden"
    code = "access_denied"


class Full(Refusal):
    """There is no room left: on the disk, or in the server's quota."""

    kind = "full"
    code = "disk_full"


def names_of(path: str) -> tuple[str, ...]:
    """Return the names a relative path is made of; none for the root itself. Raises :class:`OutsideRoot`."""
    if not path:
        return ()
    if len(path) > MAX_PATH:
        raise OutsideRoot(f"the path is longer than {MAX_PATH} characters")
    if path.startswith("/"):
        raise OutsideRoot("the path must be relative")
    names = tuple(path.split("/"))
    if len(names) > MAX_NAMES:
        raise OutsideRoot(f"the path is deeper than {MAX_NAMES} folders")
    for name in names:
        check_name(name)
    return names


def check_name(name: str) -> None:
    """Check one name. Raises :class:`OutsideRoot`."""
    if name in {"", ".", ".."}:
        raise OutsideRoot("the path has an empty name, a '.' or a '..' in it")
    if "/" in name or "\\" in name:
        raise OutsideRoot("a name holds a separator")
    if any(unicodedata.category(char) in FORBIDDEN_CATEGORIES or char == UNDECODED for char in name):
        raise OutsideRoot("a name holds control characters, or is no valid text")
    if len(name.encode()) > MAX_NAME:
        raise OutsideRoot(f"a name is longer than {MAX_NAME} bytes")


def plain(path: str) -> str:
    """Return a path that something new may have: it is what it looks like. Raises :class:`OutsideRoot`."""
    if not MISLEADING.isdisjoint(path):
        raise OutsideRoot("a new name may not hold marks that cannot be seen or turn text around")
    return path
