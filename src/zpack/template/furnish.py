"""Puts the agent, its service and the workload's user on a Debian root. Knows no Debian tools."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from zpack.template import recipe
from zpack.template.release import START, SYSTEM_PYTHON, checkout, write_start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def furnish(root: Path, *, version: str, release: Callable[[Path], None], settings: str) -> None:
    """Make a root a template; ``release`` lays out the agent's release in a folder.

    Raises ``BuildError`` and ``OSError``.
    """
    _user(root)
    for folder in recipe.FOLDERS:
        (root / folder.path).mkdir(parents=True, exist_ok=True)
        (root / folder.path).chmod(folder.mode)
    home = root / recipe.HOME
    release(home / "releases" / version)
    (home / "current").symlink_to(f"releases/{version}")
    write_start(home / START, wheel_lib=home / "current" / "lib", python=SYSTEM_PYTHON)
    _service(root, settings)
    _anonymous(root)


def _service(root: Path, settings: str) -> None:
    unit = root / recipe.UNIT
    unit.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(checkout() / "packaging" / "agent" / unit.name, unit)
    unit.chmod(0o644)
    enabled = root / recipe.ENABLED
    enabled.parent.mkdir(parents=True, exist_ok=True)
    enabled.symlink_to(f"/{recipe.UNIT}")
    file = root / recipe.SETTINGS
    file.touch(0o600)
    file.chmod(0o600)
    file.write_text(settings)


def _user(root: Path) -> None:
    files = [root / "etc" / name for name in ("passwd", "group", "shadow")]
    texts = recipe.with_user(*(file.read_text() if file.exists() else "" for file in files))
    for file, text in zip(files, texts, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o640 if file.name == "shadow" else 0o644)
        _beside(file).unlink(missing_ok=True)


def _beside(file: Path) -> Path:
    """The copy that Debian's tools keep (``passwd-``)."""
    return file.with_name(f"{file.name}-")


def _anonymous(root: Path) -> None:
    """Remove what names the machine that built it, and what every clone must have of its own."""
    for name in recipe.EMPTIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    for name in recipe.REMOVED:
        path = root / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()
    for path in root.glob("opt/zlh-agent/releases/*/lib/**/__pycache__"):
        shutil.rmtree(path)
