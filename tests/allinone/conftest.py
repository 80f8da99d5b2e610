"""Small programs under the supervisor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from zpack.allinone.child import Child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READY = 'print(\'{"ready": true, "program": "p"}\', flush=True)\n'


@pytest.fixture
def make_child(tmp_path: Path) -> Callable[[str], Child]:
    """Return how to make a child from the text of its program."""
    for name in ("log", "run"):
        (tmp_path / name).mkdir()

    def make(text: str) -> Child:
        return Child(name="p", argv=[sys.executable, "-c", text], environment={}, home=tmp_path)

    return make
