"""What the artifact store offers to dev containers (contract §5.5). Pure; the store's words are checked.

Paths are made of checked names and looked for in SHA256SUMS; nothing that the catalog says becomes a path.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from zpack.agent.config.payload import NAME, VERSION
from zpack.agent.dev.errors import ProvisioningError

CATALOG = "devcontainer/_catalog.json"
PACKINGS = (".tar.gz", ".tar.xz", ".tgz")
CODE_SERVER = re.compile(
    r"addons/code-server/code-server-(?P<version>[0-9]+(?:\.[0-9]+){0,3})-linux-(?P<machine>[a-z0-9]+)\.tar\.gz"
)
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
MAX_RUNTIMES, MAX_VERSIONS = 100, 500


@dataclass(frozen=True)
class Offer:
    """One archive of the code-server project, or one of the same shape."""

    path: str
    version: str


def parse_catalog(raw: bytes) -> dict[str, frozenset[str]]:
    """Return the versions of each runtime. Raises :class:`ProvisioningError`."""
    try:
        document = json.loads(raw)
        listed = document["runtimes"]
        found = {entry["id"]: entry.get("versions", []) for entry in listed[: MAX_RUNTIMES + 1]}
        names = [*found, *(version for versions in found.values() for version in versions)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _invalid("is not of the documented shape") from None
    if len(found) > MAX_RUNTIMES or any(len(versions) > MAX_VERSIONS for versions in found.values()):
        raise _invalid("lists more than this agent reads")
    for name in names:
        if not isinstance(name, str) or not VERSION.fullmatch(name) or ".." in name:
            raise _invalid(f"has a name that is none: {name!r:.80}")
    if not all(NAME.fullmatch(runtime) for runtime in found):
        raise _invalid("has a runtime whose id is no name")
    return {runtime: frozenset(versions) for runtime, versions in found.items()}


def check_offered(catalog: dict[str, frozenset[str]], *, runtime: str, version: str) -> None:
    """Refuse what the catalog does not list. Raises :class:`ProvisioningError`."""
    if runtime not in catalog:
        msg = f"the catalog has no runtime {runtime}"
        raise ProvisioningError(msg, code="unknown_runtime")
    if version not in catalog[runtime]:
        msg = f"the catalog has no {runtime} {version}"
        raise ProvisioningError(msg, code="unknown_version")


def runtime_path(sums: dict[str, str], *, runtime: str, version: str) -> str:
    """Return where the store keeps a runtime's archive. Raises :class:`ProvisioningError`."""
    prefix = "jdk" if runtime == "java" else runtime
    stem = f"devcontainer/{runtime}/{prefix}-{version}"
    for packing in PACKINGS:
        if stem + packing in sums:
            return stem + packing
    msg = f"the catalog lists {runtime} {version}, but SHA256SUMS has no {stem}.*: it cannot be verified"
    raise ProvisioningError(msg, code="invalid_catalog")


def newest_code_server(sums: dict[str, str], *, machine: str) -> Offer:
    """Return the newest code-server for this kind of machine. Raises :class:`ProvisioningError`."""
    wanted = MACHINES.get(machine, machine)
    offers = [
        Offer(path, match["version"])
        for path in sums
        if (match := CODE_SERVER.fullmatch(path)) and match["machine"] == wanted
    ]
    if not offers:
        msg = f"the artifact store has no code-server for linux-{wanted}"
        raise ProvisioningError(msg, code="codeserver_failed")
    return max(offers, key=lambda offer: [int(part) for part in offer.version.split(".")])


def _invalid(what: str) -> ProvisioningError:
    return ProvisioningError(f"{CATALOG} {what}", code="invalid_catalog")
