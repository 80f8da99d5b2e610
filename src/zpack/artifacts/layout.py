"""Where everything lies below the artifact folder (contract §5.4, §5.5); pure: one place knows the paths."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

CATALOG = "_catalog.json"
RUNTIME_CATALOG = "devcontainer/_catalog.json"
SUMS = "SHA256SUMS"
GAME = "minecraft"
FLYING_SQUID = "flying-squid"

# The file an agent asks for, by variant.
FILE_NAMES = {
    "vanilla": "server.jar",
    "paper": "server.jar",
    "purpur": "server.jar",
    "fabric": "fabric-server.jar",
    "forge": "forge-installer.jar",
    "neoforge": "neoforge-installer.jar",
    FLYING_SQUID: "server.tar.gz",
    "minetest": "server.tar.gz",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_PACKED = (".tar.gz", ".tar.xz", ".tar.zst", ".tgz", ".zip")


class BadNameError(ValueError):
    """A game, variant, version or file name that could not be one folder of a path."""


def checked(name: str) -> str:
    """Return a name that is safe as one part of a path; raises BadNameError."""
    if not _NAME.fullmatch(name):
        raise BadNameError(f"not usable as a name: {name!r}")
    return name


def game_path(variant: str, version: str, *, game: str = GAME, file_name: str | None = None) -> str:
    """Place a game server's file; raises BadNameError, also for a variant whose file name is not known."""
    name = file_name or FILE_NAMES.get(variant)
    if name is None:
        raise BadNameError(f"the variant {variant!r} has no usual file name: give one")
    return "/".join(checked(part) for part in (game, variant, version, name))


def java_path(major: int) -> str:
    """Place a Java runtime."""
    return f"java/{major}/OpenJDK{major}.tar.gz"


def runtime_path(runtime: str, version: str, source_name: str) -> str:
    """Place a development runtime, keeping the packing of the file it comes from; raises BadNameError."""
    packing = next((suffix for suffix in _PACKED if source_name.endswith(suffix)), None)
    if packing is None:
        raise BadNameError(f"a runtime is an archive ({', '.join(_PACKED)}), not {source_name!r}")
    prefix = "jdk" if runtime == "java" else runtime
    return f"devcontainer/{checked(runtime)}/{checked(f'{prefix}-{version}')}{packing}"


def code_server_path(version: str, machine: str) -> str:
    """Place the browser IDE, under the name that its project gives such an archive; raises BadNameError."""
    return f"addons/code-server/{checked(f'code-server-{version}-linux-{machine}')}.tar.gz"


def is_public(path: str) -> bool:
    """Tell whether a relative path may be served: no hidden part, no way up, no half-written file."""
    parts = PurePosixPath(path).parts
    canonical = PurePosixPath(path).as_posix() == path  # one name for each file: no doubled or closing slash
    if not parts or not canonical or path.startswith("/") or "\0" in path or "\\" in path:
        return False
    return not any(part == ".." or part.startswith(".") for part in parts)
