"""The message of the day as plain text: it comes with formatting codes, or as components of JSON."""

from __future__ import annotations

import re
from typing import Any

from zpack.agent.console.ring import clean_line

MAX_MOTD = 200
MAX_COMPONENTS = 200
MAX_TEXT = 2000
FORMATTING = re.compile(r"\u00a7.?", re.DOTALL)


def plain_motd(description: Any) -> str:
    """Return what a server says of itself, on one line of bounded length; nothing when it is no text."""
    text = FORMATTING.sub("", "".join(_texts(description))[:MAX_TEXT])
    return clean_line(" ".join(text.split()))[:MAX_MOTD]


def _texts(description: Any) -> list[str]:
    """Gather the texts of a component and of those within, in their order, without recursion."""
    found: list[str] = []
    waiting, seen = [description], 0
    while waiting and seen < MAX_COMPONENTS:
        seen += 1
        component = waiting.pop()
        if isinstance(component, str):
            found.append(component[:MAX_TEXT])
        elif isinstance(component, list):
            waiting += component[:MAX_COMPONENTS][::-1]
        elif isinstance(component, dict):
            waiting += [component.get("extra"), component.get("text", component.get("translate"))]
    return found
