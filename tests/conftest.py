"""What this machine can run is decided here, once and aloud: nothing is skipped quietly."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NEEDS: dict[str, tuple[str, Callable[[], bool]]] = {
    "root": ("root", lambda: os.geteuid() == 0),
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
