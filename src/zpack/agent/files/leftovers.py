"""Remembers files that are being written, so that what a killed agent left can be removed."""

from __future__ import annotations

import json
import logging
import os
import secrets
from pathlib import Path

from zpack.agent.config.files import read_json
from zpack.agent.files.policy import TEMPORARY
from zpack.agent.problems import Refusal
from zpack.agent.rooted.root import Root

log = logging.getLogger(__name__)


class Leftovers:
    """One small note in the agent's own folder for every unfinished file; gone when the file is."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder

    def note(self, root: Path, holder: str) -> str:
        """Note an unfinished file in a folder of ``root``; return its name. Raises ``OSError``."""
        name = TEMPORARY + secrets.token_hex(8)
        content = json.dumps({"root": str(root), "path": f"{holder}/{name}" if holder else name})
        with (self._folder / name).open("x") as note:
            note.write(content)
            note.flush()
            os.fsync(note.fileno())
        return name

    def forget(self, name: str) -> None:
        """The file is finished, or gone."""
        (self._folder / name).unlink(missing_ok=True)

    def remove(self) -> int:
        """Remove every unfinished file that a killed agent left; return how many there were.

        Raises ``OSError``.
        """
        count = 0
        self._folder.mkdir(parents=True, exist_ok=True)
        for note in sorted(self._folder.glob(f"{TEMPORARY}*")):
            said = read_json(note)
            root, path = said.get("root"), said.get("path")
            if isinstance(root, str) and isinstance(path, str):
                count += _removed(Path(root), path)
            note.unlink(missing_ok=True)
        return count


def _removed(root: Path, path: str) -> bool:
    try:
        with Root.open(root) as opened:
            opened.unlink(path)
    except (Refusal, OSError) as error:
        log.info("an unfinished file was not removed: %s", error)
        return False
    return True
