"""What a page offers for a file or folder: what the agent allows. One that does not say is just asked."""

from __future__ import annotations

from typing import Any


def may(about: dict[str, Any], verb: str) -> bool:
    """Say whether to offer this for a file or folder."""
    return verb in about.get("allowed", (verb,))


def takes(folder: dict[str, Any], what: str) -> bool:
    """Say whether to offer to put this into a folder."""
    return what in folder.get("takes", (what,))
