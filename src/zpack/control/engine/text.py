"""Foreign JSON made safe to store and to send: PostgreSQL refuses NUL, UTF-8 has no half surrogate pairs.

JSON has neither NaN nor infinity, which Python reads all the same, also out of a number as long as 1e999.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """Return JSON with every unstorable character replaced, in keys too, and NaN and infinity by null.

    Raises RecursionError.
    """
    if isinstance(value, str):
        return UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {storable(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(value: Any) -> Any:
    """Return a value as storable JSON; what JSON does not know becomes its text."""
    return storable(json.loads(json.dumps(value, default=str)))
