"""The vendors' documented answers, written down from their documentation in data/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parent / "data"


def recorded(name: str) -> Any:
    """Read one documented answer of a vendor."""
    return json.loads(recorded_text(name))


def recorded_text(name: str) -> str:
    """Read one documented answer as it is on the wire."""
    return (_DATA / f"{name}.json").read_text("utf-8")
