"""What this machine can run is decided here, once and aloud: nothing is skipped quietly."""

from __future__ import annotations

import os
import shutil
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def has_ide() -> bool:
    """Say whether the real IDE can be built here, and looked at."""
    from zpack.artifacts.code_server import needs  # noqa: PLC0415 - most runs do without

    return has_chromium() and not needs()


def has_chromium() -> bool:
    return shutil.which("chromium") is not None


NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "root": ("root", lambda: os.geteuid() == 0),
    "template": (
        "root, Debian's lxc and mmdebstrap, and the network: make test-template",
        lambda: os.geteuid() == 0 and all(shutil.which(name) for name in ("lxc-start", "mmdebstrap")),
    ),
    "chromium": ("Debian's chromium", has_chromium),
    "ide": ("Debian's chromium, and a compiler and libraries for code-server: make test-ide", has_ide),
    "lxc": ("root and Debian's lxc", lambda: os.geteuid() == 0 and shutil.which("lxc-start") is not None),
}


def pytest_report_header() -> list[str]:
    """Say which kinds of test this machine leaves out, and what they need."""
    return [f"left out: {mark} tests (they need {what})" for mark, (what, has) in NEEDS.items() if not has()]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here; in CI that is a failure instead."""
    missing = {mark for mark, (_, has) in NEEDS.items() if not has()}
    left_out = [item for item in items if missing.intersection(m.name for m in item.iter_markers())]
    if left_out and os.environ.get("CI"):
        msg = f"CI must run {', '.join(sorted(missing))} tests, but this machine cannot"
        raise pytest.UsageError(msg)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
