"""The template that ``zpack up`` gives localpve: this machine's own Python running the agent."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import zpack

TEMPLATE_VMID = 820
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc/alternatives", "/etc/ssl", "/etc/java-17-openjdk")


def write_template(folder: Path, *, artifact_base_url: str, node: Path | None, java: Path | None) -> None:
    """Write ``<folder>/820/template.json``; clones made earlier use the new one from their next start."""
    place = folder / str(TEMPLATE_VMID)
    place.mkdir(parents=True, exist_ok=True)
    environment = {
        "ZLH_AGENT_HOST": "{ip}",
        "ZLH_AGENT_PORT": "18888",
        "ZLH_AGENT_HOME": "{root}/opt/zlh-agent",
        "ZLH_RUNTIME_ROOT": "{root}/opt/zlh",
        "ZLH_DEV_HOME": "{root}/home/dev",
        "ARTIFACT_BASE_URL": artifact_base_url,
        "PYTHONPATH": str(Path(zpack.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ZPACK_PDEATHSIG": "1",
        "ZLH_AGENT_KEEP_WORKLOAD": "0",  # the agent is the container's first process: all ends with it
    }
    if node is not None:
        environment["ZPACK_NODE_DIR"] = str(node)
    if java is not None:
        environment["ZPACK_JAVA_DIR"] = str(java)
    body: dict[str, Any] = {
        "hostname": "zlh-base",
        "init": [sys.executable, "-m", "zpack.agent"],
        "env": environment,
        "mounts": mounts(node, java),
    }
    beside = place / "template.new"
    beside.write_text(json.dumps(body, indent=1))
    beside.replace(place / "template.json")


def mounts(node: Path | None, java: Path | None) -> list[str]:
    """Return the host folders a container sees, read-only: programs, no data and no secrets."""
    wanted = [
        *SYSTEM,
        sys.prefix,
        sys.base_prefix,
        str(Path(zpack.__file__).parent),
        *(str(folder) for folder in (node, java) if folder is not None),
    ]
    links = [os.path.realpath(path) for path in wanted]
    chosen: list[str] = []
    for path in dict.fromkeys([*wanted, *links]):
        inside = any(Path(path).is_relative_to(other) for other in chosen)
        if Path(path).exists() and not inside:
            chosen.append(path)
    return chosen


def tool_folder(program: str) -> Path | None:
    """Return the folder above ``bin`` of a program on PATH, when it is not the system's own."""
    found = shutil.which(program)
    if found is None:
        return None
    folder = Path(found).resolve().parent.parent
    return None if str(folder) == "/usr" else folder
